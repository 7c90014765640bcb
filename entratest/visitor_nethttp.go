package entratest

import (
	"net/http"

	"github.com/fibermsal/fibermsal/entratest/internal/wire"
)

// Handler makes an app of net/http, or of a framework on it, one for [SignInTo]: requests are handled in the caller's
// goroutine, without sockets.
func Handler(app http.Handler) func(*http.Request, ...struct{}) (*http.Response, error) {
	transport := wire.Transport{HandlerFor: func(*http.Request) (http.Handler, error) { return app, nil }}
	return func(r *http.Request, _ ...struct{}) (*http.Response, error) { return transport.RoundTrip(r) }
}

// Client makes an app that runs somewhere one for [SignInTo], by the client's transport and timeout. The redirect URI
// has to be the address at which the app runs.
func Client(client *http.Client) func(*http.Request, ...struct{}) (*http.Response, error) {
	own := *client
	own.Jar = nil // the visitor keeps the cookies, and follows redirects
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return func(r *http.Request, _ ...struct{}) (*http.Response, error) { return own.Do(r) }
}
