package graphapi

import (
	"net/http"
	"strings"
)

// Find finds the handler of a request to Graph. ok is false if the path does not begin with a version.
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

// authenticated passes requests with a valid token to a handler of the test.
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

// serveBeta serves the beta version, for which only tests provide handlers and files.
func (a *API) serveBeta(w http.ResponseWriter, r *http.Request, path string) {
	setHeaders(w.Header(), r)
	_, fail := a.authenticate(r, path)
	if fail == nil {
		fail = unserved("beta/" + path)
	}
	fail.write(w)
}

// orFile responds with a file of the test if there is one for the request.
func (a *API) orFile(next Handler, version string) Handler {
	return func(w http.ResponseWriter, r *http.Request, path string) {
		t, fail := a.authenticate(r, path)
		if fail == nil {
			if name := a.custom.file(r.Method, version, path, t); name != "" {
				setHeaders(w.Header(), r)
				a.custom.write(w, name)
				return
			}
		}
		next(w, r, path)
	}
}
