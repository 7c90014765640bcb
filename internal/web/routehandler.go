package web

import (
	"context"
	"net/http"

	"github.com/fibermsal/fibermsal/internal/autherr"
)

// routeHandler handles one request to a route. The header and cookies that a step adds to out are kept
// if a later step fails.
type routeHandler struct {
	*Site
	ctx   context.Context
	visit *Visit
	in    *Request
	out   *Response
	hooks Hooks
}

// presentSession returns the ID of the session whose cookie the browser sent. It does not check
// whether the session exists.
func (h *routeHandler) presentSession() (id string, ok bool) { return h.Site.presentSession(h.in) }

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
