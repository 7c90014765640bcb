package web

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"

	"github.com/fibermsal/fibermsal/internal/autherr"
)

// The paths of the routes, below the prefix.
const (
	LoginPath    = "/login"
	CallbackPath = "/authorized"
	LogoutPath   = "/logout"
	InfoPath     = "/info"
	FrontPath    = "/frontchannel-logout"
)

// Route is one of the library's routes.
type Route struct {
	Method string
	Path   string // below the prefix
	handle func(*handling) error
}

// Routes returns the library's routes.
func Routes() []Route {
	return []Route{
		{http.MethodGet, LoginPath, (*handling).login},
		{http.MethodPost, CallbackPath, (*handling).authorized},
		{http.MethodGet, CallbackPath, (*handling).authorized},
		{http.MethodPost, LogoutPath, (*handling).logout},
		{http.MethodGet, LogoutPath, (*handling).logout},
		{http.MethodGet, InfoPath, (*handling).userInfo},
		{http.MethodGet, FrontPath, (*handling).frontChannelLogout},
	}
}

// handling is one request to a route. What a step decides for the response is kept in out,
// also if a later step fails.
type handling struct {
	*Site
	ctx   context.Context
	visit *Visit
	in    *Request
	out   *Response
	info  func() map[string]any // of Config.Info, for the route /info
}

// Serve handles a request to a route that is mounted at a path. The header and cookies of the
// response are to be written even with an error. info returns the app's fields of /info, and is
// called if a user is signed in.
func (s *Site) Serve(ctx context.Context, v *Visit, r Route, mountedAt string, info func() map[string]any) (*Response, error) {
	h := &handling{Site: s, ctx: ctx, visit: v, in: v.Exchange.Request(), out: newResponse(), info: info}
	h.out.protect()
	v.ownRoute = true
	if want := s.RoutePrefix + r.Path; mountedAt != want {
		return h.out, autherr.Misconfigured.New("route_elsewhere", errors.New(
			"the route is mounted at "+mountedAt+" but Config makes it "+want+": set RoutePrefix and use Open with Auth.RegisterRoutes"))
	}
	if h.in.Method != r.Method { // a framework may serve HEAD by the handlers of GET (traps T17, A15)
		return h.out, h.wrongMethod(r.Method)
	}
	return h.out, r.handle(h)
}

// wrongMethod refuses a method, and names the one that is allowed.
func (h *handling) wrongMethod(allowed string) *autherr.Error {
	h.out.Header.Set("Allow", allowed)
	return rejected(http.StatusMethodNotAllowed, "method")
}

func rejected(status int, reason string) *autherr.Error {
	e := autherr.Rejected.New(reason, nil)
	e.Status = status
	return e
}

// presentSession returns the ID of the session whose cookie the browser sent, without looking
// whether it exists.
func (h *handling) presentSession() (id string, ok bool) { return h.Site.presentSession(h.in) }

// MissedCallback reports whether a request is an answer of Entra's that did not reach its route.
func (v *Visit) MissedCallback(method, path string) bool {
	return !v.ownRoute && method == http.MethodPost && strings.EqualFold(path, v.Site.RoutePrefix+CallbackPath)
}

// ReportRefusedCallback logs why an answer of Entra's did not arrive, if a middleware between this
// one and the routes refused it: a CSRF middleware refuses cross-site POSTs. The state protects
// them (threat A17).
func (v *Visit) ReportRefusedCallback(ctx context.Context) {
	v.Site.Log.LogAttrs(ctx, slog.LevelError, "Entra's answer was refused before it reached its route: let the CSRF middleware skip it by its Next",
		slog.String("path", v.Site.RoutePrefix+CallbackPath))
}
