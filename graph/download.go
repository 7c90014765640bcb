package graph

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
)

// isRedirect reports whether a response is how Graph points to the content of a file: its storage
// serves that at a URL that is authenticated for some minutes.
func isRedirect(resp *http.Response) bool {
	return resp.StatusCode == http.StatusFound && resp.Header.Get("Location") != ""
}

// forwarded are the headers of a request that concern the content.
var forwarded = []string{"Accept", "Range", "If-Range", "User-Agent"}

// follow requests the content that Graph redirected to: once, over https, and without the token
// (threat C8).
func (t *transport) follow(c *call, r *http.Request, redirect *http.Response) (*http.Response, error) {
	drain(redirect)
	u, err := url.Parse(redirect.Header.Get("Location"))
	if err != nil {
		return nil, errBadAnswer.New("redirect", errors.New("the Location of a redirect is not a URL"))
	}
	if err := t.graph.checkForeign(u); err != nil {
		return nil, err
	}
	next, err := http.NewRequestWithContext(r.Context(), http.MethodGet, u.String(), http.NoBody)
	if err != nil {
		return nil, errBadAnswer.New("redirect", fmt.Errorf("the Location of a redirect to %q cannot be requested", u.Hostname())) // without the query, which authenticates
	}
	for _, name := range forwarded {
		if values := r.Header.Values(name); len(values) > 0 {
			next.Header[name] = values
		}
	}
	c.foreign = true
	c.idle.start()
	return c.send(t.next, next)
}
