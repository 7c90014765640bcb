package entratest

import (
	"net/http"

	"github.com/fibermsal/fibermsal/entratest/internal/wire"
)

// Handler returns the argument of [SignInTo] for an app that is an http.Handler, such as a ServeMux. Requests are
// handled in the caller's goroutine, without sockets.
func Handler(app http.Handler) func(*http.Request, ...struct{}) (*http.Response, error) {
	transport := wire.Transport{HandlerFor: func(*http.Request) (http.Handler, error) { return app, nil }}
	return func(r *http.Request, _ ...struct{}) (*http.Response, error) { return transport.RoundTrip(r) }
}

// Client returns the argument of [SignInTo] for an app that listens on a network address. Requests are
// sent with the client's transport and timeout. The app must be reachable at the origin of the redirect
// URI.
func Client(client *http.Client) func(*http.Request, ...struct{}) (*http.Response, error) {
	own := *client
	own.Jar = nil // the visitor keeps the cookies, and follows redirects
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return func(r *http.Request, _ ...struct{}) (*http.Response, error) { return own.Do(r) }
}
