package main

import "strings"

// routesPath is the path of the library's routes below mount.
const routesPath = "/user"

// base returns the prefix of the app's paths in browsers, or "".
func (s *settings) base() string { return s.auth.BasePath }

// mount returns the prefix of the paths that the app sees. It is empty if a proxy removes the base path.
func (s *settings) mount() string {
	if s.base() != "" && strings.HasPrefix(s.auth.RoutePrefix, s.base()+"/") {
		return s.base()
	}
	return ""
}

// home returns the URL of the app's home page in browsers.
func (s *settings) home() string { return strings.TrimSuffix(s.auth.PublicURL, "/") + s.base() + "/" }
