package web

import (
	"strings"

	"github.com/fibermsal/fibermsal/internal/flow"
	"github.com/fibermsal/fibermsal/internal/returnto"
)

// Browsers may reach an app below a base path, which a proxy removes or keeps. The paths of requests
// and destinations are those that the app sees. The functions below convert them to the paths that are
// sent to browsers.

// stripsBase reports whether a proxy removes the base path, so that the app does not see it and the
// routes are not below it.
func (s *Site) stripsBase() bool {
	return s.BasePath != "" && !strings.HasPrefix(s.RoutePrefix, s.BasePath+"/")
}

// publicPath returns the path under which browsers reach a path of the app.
func (s *Site) publicPath(path string) string {
	if s.BasePath != "" && (s.stripsBase() || path == returnto.Home) {
		return s.BasePath + path
	}
	return path
}

// routeURL returns the path under which browsers reach a route.
func (s *Site) routeURL(path string) string { return s.publicPath(s.RoutePrefix + path) }

// homeURL returns the path under which browsers reach the app's home page.
func (s *Site) homeURL() string { return s.publicPath(returnto.Home) }

// DestinationOf returns the destination for a path that a request or a handler provides, as seen by the
// app or by browsers. A path outside the base path leads to the home page, because it may belong to
// another app.
func (s *Site) DestinationOf(path string) flow.Destination {
	below, found := belowBase(s.BasePath, path)
	switch {
	case s.stripsBase() && found:
		return s.pageAt(below)
	case s.stripsBase() || found:
		return s.pageAt(path)
	}
	return s.pageAt(returnto.Home)
}

// publicDestination returns the destination for a path as seen by browsers. A path outside the base
// path leads to the home page.
func (s *Site) publicDestination(path string) flow.Destination {
	if _, found := belowBase(s.BasePath, path); !found {
		path = returnto.Home
	}
	return s.DestinationOf(path)
}

// belowBase returns the part of a path below the base path, or false if the path is outside of it.
func belowBase(base, path string) (below string, found bool) {
	below, found = strings.CutPrefix(path, base)
	switch {
	case base == "" || strings.HasPrefix(below, "/"):
		return below, found
	case below == "" || strings.ContainsAny(below[:1], "?#"):
		return "/" + below, found
	}
	return "", false
}

// pageAt returns the destination of a sign-in for a page. The library's own routes are not pages,
// because a nested chain of them would lead through a sign-in for each.
func (s *Site) pageAt(path string) flow.Destination {
	to := flow.DestinationOf(path)
	if s.isRoute(to.Path()) {
		return flow.DestinationOf(returnto.Home)
	}
	return to
}
