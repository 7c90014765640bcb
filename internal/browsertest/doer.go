package browsertest

import (
	"net/http"
	"net/http/httptest"
)

// Doer answers requests. *http.Client is one, but use [Client] instead, which does not
// follow redirects by itself.
type Doer interface {
	Do(r *http.Request) (*http.Response, error)
}

// DoerFunc is a function that implements Doer.
type DoerFunc func(r *http.Request) (*http.Response, error)

// Do calls the function.
func (f DoerFunc) Do(r *http.Request) (*http.Response, error) { return f(r) }

// Handler is a Doer that calls a net/http handler without a socket.
func Handler(h http.Handler) Doer {
	return DoerFunc(func(r *http.Request) (*http.Response, error) {
		recorder := httptest.NewRecorder()
		h.ServeHTTP(recorder, r)
		return recorder.Result(), nil
	})
}

// Client is a Doer that sends requests through a client's transport. Cookies and
// redirects are left to the browser.
func Client(c *http.Client) Doer {
	own := *c
	own.Jar = nil
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return DoerFunc(func(r *http.Request) (*http.Response, error) {
		r = r.Clone(r.Context())
		r.RequestURI = "" // because a client rejects requests with it
		return own.Do(r)
	})
}
