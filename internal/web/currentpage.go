package web

import (
	"strings"

	"github.com/fibermsal/fibermsal/internal/flow"
	"github.com/fibermsal/fibermsal/internal/returnto"
)

// currentPage returns the page that the user sees while a script or a form sends a request. htmx sends
// its URL, and browsers send it in Referer, unless the app's Referrer-Policy prevents that. If there is
// none, or if it belongs to another origin or is outside the base path, the result is the home page
// (threat C1).
func (s *Site) currentPage(in *Request) flow.Destination {
	names := []string{"Referer"}
	if in.isByHTMX() {
		names = []string{"HX-Current-URL", "Referer"}
	}
	for _, name := range names {
		if path, ok := in.ownPath(s.Origin, in.Header(name)); ok {
			return s.publicDestination(path)
		}
	}
	return flow.DestinationOf(returnto.Home)
}

// ownPath returns the path and query of a URL of the app, whose origin is that of the app or that of
// another host under which the browser visits the app. That host can be forged, but only the path is
// used (threat C5).
func (r *Request) ownPath(origin, address string) (path string, ok bool) {
	if path, ok = pathBehind(origin, address); ok {
		return path, true
	}
	scheme, _, _ := strings.Cut(origin, "://")
	for _, host := range []string{r.Host, r.forwardedHost()} {
		if host == "" {
			continue
		}
		if path, ok = pathBehind(scheme+"://"+host, address); ok {
			return path, true
		}
	}
	return "", false
}

// pathBehind returns the path and query of a URL with a given origin. The origin must be followed by a
// path, because https://app.example.evil.example also begins with https://app.example.
func pathBehind(origin, address string) (path string, ok bool) {
	if len(address) <= len(origin) || !strings.EqualFold(address[:len(origin)], origin) {
		return "", false
	}
	path, _, _ = strings.Cut(address[len(origin):], "#")
	return path, strings.HasPrefix(path, "/")
}
