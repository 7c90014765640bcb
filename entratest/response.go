package entratest

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/fibermsal/fibermsal/entratest/internal/registration"
)

// Response is an authorization response that has not been delivered to the app yet.
type Response struct {
	// Mode is "form_post", "query" or "fragment".
	Mode string
	// RedirectURI is its target.
	RedirectURI string
	// Values are its parameters: code, state and session_state, or error and its details. Change them
	// to act like an attacker.
	Values url.Values

	origin string // of the emulator's pages
}

// redirected parses a response in the Location of a redirect. The query of the registered URI itself is
// kept in RedirectURI.
func redirected(location, origin string) (*Response, error) {
	u, err := url.Parse(location)
	if err != nil {
		return nil, fmt.Errorf("entratest: the redirect: %w", err)
	}
	response := &Response{Mode: "query", Values: u.Query(), origin: origin}
	if u.Fragment != "" {
		response.Mode = "fragment"
		response.Values, _ = url.ParseQuery(u.EscapedFragment()) // encoded by registration.WithParams
	}
	u.Fragment, u.RawFragment = "", ""
	own := url.Values{}
	if response.Mode == "query" {
		for name, values := range response.Values {
			if !responseParams[name] {
				own[name] = values
				delete(response.Values, name)
			}
		}
		u.RawQuery = own.Encode()
	}
	response.RedirectURI = u.String()
	return response, nil
}

var responseParams = map[string]bool{
	"code": true, "state": true, "session_state": true, "client_info": true,
	"error": true, "error_description": true, "error_subcode": true, "error_uri": true,
	"admin_consent": true, "tenant": true, "scope": true,
}

// Request returns the browser's request to the app: a cross-site POST for form_post, and a navigation
// otherwise. The caller must add the cookies. Send it with Fiber's app.Test or any http.Client.
func (r *Response) Request() *http.Request {
	method, target, body := http.MethodGet, r.RedirectURI, ""
	switch r.Mode {
	case "form_post":
		method, body = http.MethodPost, r.Values.Encode()
	case "query":
		target = registration.WithParams(r.RedirectURI, r.Values, false)
	}
	req, err := http.NewRequest(method, target, strings.NewReader(body)) //nolint:noctx // the caller sends it
	if err != nil {
		panic("entratest: " + err.Error()) // a RedirectURI that the test has broken
	}
	h, origin := req.Header, r.origin
	if origin == "" {
		origin = "https://login.entra.test"
	}
	if body == "" {
		req.Body, req.GetBody = http.NoBody, nil
	} else {
		h.Set("Content-Type", "application/x-www-form-urlencoded")
		h.Set("Origin", origin)
	}
	h.Set("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")
	h.Set("Referer", origin+"/")
	h.Set("Sec-Fetch-Site", "cross-site")
	h.Set("Sec-Fetch-Mode", "navigate")
	h.Set("Sec-Fetch-Dest", "document")
	return req
}
