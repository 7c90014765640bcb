package browsertest

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
)

// NewRequest makes a request to an origin such as "https://app.example". The target is
// sent unchanged, so it may contain characters that are not allowed in URLs.
func NewRequest(method, origin, target, body string) *http.Request {
	r := httptest.NewRequestWithContext(context.Background(), method, "/", strings.NewReader(body))
	if body == "" {
		r.Body = http.NoBody
	}
	u, err := url.Parse(origin)
	if err != nil {
		panic("browsertest: " + err.Error()) // a test's own constant
	}
	r.Host, r.RequestURI, r.TLS = u.Host, target, nil
	if r.URL, err = u.Parse(target); err != nil || r.URL.Host != u.Host {
		r.URL = &url.URL{Scheme: u.Scheme, Host: u.Host, Opaque: target}
	}
	return r
}

// Navigation makes the request of a user who clicks a link or a button of the
// application.
func Navigation(method, origin, target, body string) *http.Request {
	r := NewRequest(method, origin, target, body)
	r.Header.Set("Accept", "text/html,application/xhtml+xml")
	r.Header.Set("Sec-Fetch-Mode", "navigate")
	r.Header.Set("Sec-Fetch-Dest", "document")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return r
}

// CrossSite marks r as caused by another site.
func CrossSite(r *http.Request) *http.Request {
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	return r
}
