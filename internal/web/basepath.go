package web

import (
	"strings"

	"github.com/fibermsal/fibermsal/internal/flow"
	"github.com/fibermsal/fibermsal/internal/returnto"
)

// Browsers may reach an app below a base path, which a proxy strips, or keeps. The paths of requests
// and destinations are as the app sees them, and everything that a browser gets is made here.

// stripsBase reports whether a proxy strips the base path. The app then does not see it, and has its
// routes elsewhere.
func (s *Site) stripsBase() bool {
	return s.BasePath != "" && !strings.HasPrefix(s.RoutePrefix, s.BasePath+"/")
}

// publicPath returns the path by which browsers reach a path of the app.
func (s *Site) publicPath(path string) string {
	if s.BasePath != "" && (s.stripsBase() || path == returnto.Home) {
		return s.BasePath + path
	}
	return path
}

// routeURL returns the path by which browsers reach a route.
func (s *Site) routeURL(path string) string { return s.publicPath(s.RoutePrefix + path) }

// homeURL returns the path by which browsers reach the app's first page.
func (s *Site) homeURL() string { return s.publicPath(returnto.Home) }

// DestinationOf returns the destination of a path that a request or a handler names, either as the app
// sees it or as browsers do. Outside of the base path it is home, because other apps are there.
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

// publicDestination returns the destination of a path as browsers see it. Outside of the base path it is
// home.
func (s *Site) publicDestination(path string) flow.Destination {
	if _, found := belowBase(s.BasePath, path); !found {
		path = returnto.Home
	}
	return s.DestinationOf(path)
}

// belowBase returns what of a path follows a base path, or false if it is elsewhere.
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

// pageAt returns where a sign-in for a page leads. The library's own routes are no pages: a nested
// chain of them would lead through as many sign-ins.
func (s *Site) pageAt(path string) flow.Destination {
	to := flow.DestinationOf(path)
	if s.isRoute(to.Path()) {
		return flow.DestinationOf(returnto.Home)
	}
	return to
}
