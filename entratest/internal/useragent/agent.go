// Package useragent is a browser that understands the emulator's own pages.
package useragent

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// Agent loads pages and keeps cookies. It is not safe for concurrent use.
type Agent struct {
	transport http.RoundTripper
	cookies   map[string]string
}

// New returns an agent without cookies.
func New(transport http.RoundTripper) *Agent {
	return &Agent{transport: transport, cookies: map[string]string{}}
}

// Load sends a request, stores the cookies of the response and reads its body.
func (a *Agent) Load(method string, u *url.URL, form url.Values) (*Page, error) {
	r, err := http.NewRequest(method, u.String(), strings.NewReader(form.Encode())) //nolint:noctx // no socket, no wait
	if err != nil {
		return nil, fmt.Errorf("entratest: %w", err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for name, value := range a.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value}) //nolint:gosec // a request's cookie has no attributes
	}
	answer, err := a.transport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	defer func() { _ = answer.Body.Close() }() // in memory
	a.keep(answer.Cookies())
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, fmt.Errorf("entratest: reading the page: %w", err)
	}
	return &Page{status: answer.StatusCode, header: answer.Header, body: string(body)}, nil
}

func (a *Agent) keep(cookies []*http.Cookie) {
	for _, c := range cookies {
		if c.MaxAge < 0 {
			delete(a.cookies, c.Name)
			continue
		}
		a.cookies[c.Name] = c.Value
	}
}
