package browsertest

import (
	"encoding/json"
	"html"
	"io"
	"net/http"
	"regexp"
	"testing"
)

// Answer is a response whose body has been read.
type Answer struct {
	*http.Response
	Text string // the body
}

// Read reads a response, for tests that send a request without a browser.
func Read(tb testing.TB, response *http.Response) *Answer {
	tb.Helper()
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		tb.Fatalf("reading the answer: %v", err)
	}
	return &Answer{response, string(body)}
}

var refresh = regexp.MustCompile(`<meta http-equiv="refresh" content="0;url=([^"]*)">`)

// Redirects reports whether the answer redirects, with 303 or as a page.
func (a *Answer) Redirects() bool {
	return a.Location() != "" && (a.StatusCode == http.StatusSeeOther || a.StatusCode == http.StatusOK)
}

// Location returns the URL or path that the answer redirects to, by its header or as a page, or "".
func (a *Answer) Location() string {
	if page := refresh.FindStringSubmatch(a.Text); page != nil {
		return html.UnescapeString(page[1])
	}
	return a.Header.Get("Location")
}

// Cookie returns the cookie of a name that the answer sets or removes, or nil.
func (a *Answer) Cookie(name string) *http.Cookie {
	for _, c := range a.Cookies() {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// JSON returns the fields of an answer that is a JSON object.
func (a *Answer) JSON(tb testing.TB) map[string]any {
	tb.Helper()
	var fields map[string]any
	if err := json.Unmarshal([]byte(a.Text), &fields); err != nil {
		tb.Fatalf("not JSON: %v\n%s", err, a.Text)
	}
	return fields
}
