package graph

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
)

// isRedirect reports whether a response redirects to the content of a file. The file's storage serves
// it at a pre-authenticated URL that is valid for a few minutes.
func isRedirect(resp *http.Response) bool {
	return resp.StatusCode == http.StatusFound && resp.Header.Get("Location") != ""
}

// forwarded are the headers of a request that are also sent to the storage, because they concern the
// content.
var forwarded = []string{"Accept", "Range", "If-Range", "User-Agent"}

// follow requests the content to which Graph has redirected. It follows a single redirect, over https
// and without the token (threat C8).
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
