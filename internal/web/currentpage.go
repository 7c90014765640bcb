package web

import (
	"strings"

	"github.com/fibermsal/fibermsal/internal/flow"
	"github.com/fibermsal/fibermsal/internal/returnto"
)

// currentPage returns the page that the user sees while a script or a form sends a request: htmx
// names it, and browsers do in Referer, unless the app's Referrer-Policy keeps them from it. A page of
// another origin, of another app beside the base path, or none, is home (threat C1).
func (s *Site) currentPage(in *Request) flow.Destination {
	names := []string{"Referer"}
	if in.isByHTMX() {
		names = []string{"HX-Current-URL", "Referer"}
	}
	for _, name := range names {
		if path, ok := s.ownPath(in.Header(name)); ok {
			return s.publicDestination(path)
		}
	}
	return flow.DestinationOf(returnto.Home)
}

// ownPath returns the path and query of a URL of the app's own origin. What follows the origin must
// be a path: https://app.example.evil.example begins with https://app.example, too.
func (s *Site) ownPath(address string) (path string, ok bool) {
	if len(address) <= len(s.Origin) || !strings.EqualFold(address[:len(s.Origin)], s.Origin) {
		return "", false
	}
	path, _, _ = strings.Cut(address[len(s.Origin):], "#")
	return path, strings.HasPrefix(path, "/")
}
