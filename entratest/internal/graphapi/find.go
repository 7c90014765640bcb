package graphapi

import (
	"net/http"
	"strings"
)

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

// orFile answers with a file of the test if there is one for the request.
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
