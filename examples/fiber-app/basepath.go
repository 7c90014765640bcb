package main

import "strings"

// routesPath is where the routes are, below the path under which the app sees its own.
const routesPath = "/user"

// base is in front of the app's paths in browsers, or empty.
func (s *settings) base() string { return s.auth.BasePath }

// mount is in front of the paths that the app sees. It is empty if a proxy strips the base path.
func (s *settings) mount() string {
	if s.base() != "" && strings.HasPrefix(s.auth.RoutePrefix, s.base()+"/") {
		return s.base()
	}
	return ""
}

// home is the app's first page in browsers.
func (s *settings) home() string { return strings.TrimSuffix(s.auth.PublicURL, "/") + s.base() + "/" }
