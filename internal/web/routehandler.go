package web

import (
	"context"
	"net/http"

	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/flow"
)

// maxFlowCookies bounds how many sign-in cookies of a request are read.
const maxFlowCookies = 32

// routeHandler handles one request to a route. What a step writes to out is kept if a later step
// fails.
type routeHandler struct {
	*Site
	ctx   context.Context
	visit *Visit
	in    *Request
	out   *Response
	info  func() map[string]any // of Config.Info, for the route /info
}

// presentSession returns the ID of the session whose cookie the browser sent. It does not check
// whether the session exists.
func (h *routeHandler) presentSession() (id string, ok bool) { return h.Site.presentSession(h.in) }

// flowCookies returns the sign-in cookies of the request.
func (h *routeHandler) flowCookies() (cookies []flow.Cookie) {
	for name, value := range h.in.Cookies {
		if len(cookies) < maxFlowCookies && h.Jar.Owns(name) {
			cookies = append(cookies, flow.Cookie{Name: name, Value: value})
		}
	}
	return cookies
}

// wrongMethod rejects a method and adds the allowed one to the response.
func (h *routeHandler) wrongMethod(allowed string) *autherr.Error {
	h.out.Header.Set("Allow", allowed)
	return rejected(http.StatusMethodNotAllowed, "method")
}

func rejected(status int, reason string) *autherr.Error {
	e := autherr.Rejected.New(reason, nil)
	e.Status = status
	return e
}
