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

// Custom is what a test serves beside the emulator's own part of Graph, or instead of it.
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

// Find finds the handler of a request to Graph. ok is false if the path is no version's.
func (a *API) Find(r *http.Request) (area Area, serve Handler, path string, ok bool) {
	version := stable
	path, ok = strings.CutPrefix(r.URL.Path, stable)
	if ok {
		area, serve = a.route(path)
	} else if path, ok = strings.CutPrefix(r.URL.Path, beta); ok {
		version, area, serve = beta, Other, a.serveBeta
	}
	if custom := a.custom.handler(r); custom != nil {
		return area, a.authenticated(custom), path, ok
	}
	if a.custom.Files != nil {
		serve = a.orFile(serve, version)
	}
	return area, serve, path, ok
}

// authenticated lets requests with a valid token through to a handler of the test.
func (a *API) authenticated(next http.Handler) Handler {
	return func(w http.ResponseWriter, r *http.Request, path string) {
		setHeaders(w.Header(), r)
		if _, fail := a.authenticate(r, path); fail != nil {
			fail.write(w)
			return
		}
		next.ServeHTTP(w, r)
	}
}

// serveBeta answers for the beta version, of which only a test has parts.
func (a *API) serveBeta(w http.ResponseWriter, r *http.Request, path string) {
	setHeaders(w.Header(), r)
	_, fail := a.authenticate(r, path)
	if fail == nil {
		fail = unserved("beta/" + path)
	}
	fail.write(w)
}
