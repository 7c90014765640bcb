package graphapi

import (
	"fmt"
	"io/fs"
	"net/http"
	"strings"
)

// The versions of Graph, as the first segment of the path.
const (
	stable = "/v1.0/"
	beta   = "/beta/"
)

// Custom contains the handlers and files with which a test extends or replaces the emulator's part of
// Graph.
type Custom struct {
	Handlers map[string]http.Handler // by pattern of http.ServeMux, with the path below /v1.0 or with /beta
	Files    fs.FS                   // nil for none

	mux *http.ServeMux
}

// Prepare reports a pattern that is malformed or contradicts another.
func (c *Custom) Prepare() (err error) {
	c.mux = http.NewServeMux()
	defer func() {
		if reason := recover(); reason != nil { // the mux panics with a description
			err = fmt.Errorf("WithGraph: %v", reason)
		}
	}()
	for pattern, handler := range c.Handlers {
		if handler == nil {
			return fmt.Errorf("WithGraph: %q has no handler", pattern)
		}
		c.mux.Handle(absolute(pattern), handler)
	}
	return nil
}

// absolute adds the version to a pattern's path.
func absolute(pattern string) string {
	method, path, found := strings.Cut(pattern, " ")
	if !found {
		method, path = "", pattern
	}
	path = "/" + strings.TrimLeft(path, "/ ")
	if !strings.HasPrefix(path, beta) && !strings.HasPrefix(path, stable) {
		path = strings.TrimSuffix(stable, "/") + path
	}
	return strings.TrimSpace(method + " " + path)
}

// handler finds the handler of the test for a request.
func (c *Custom) handler(r *http.Request) http.Handler {
	if c.mux == nil {
		return nil
	}
	if _, pattern := c.mux.Handler(r); pattern == "" {
		return nil
	}
	return c.mux // which sets the values of the pattern, too
}
