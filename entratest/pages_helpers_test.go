package entratest_test

import (
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"github.com/fibermsal/fibermsal/entratest"
)

// browser keeps the sign-in service's cookies and presses buttons.
type browser struct {
	t      *testing.T
	server *entratest.Server
	client *http.Client
}

func newBrowser(t *testing.T, s *entratest.Server) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{t, s, &http.Client{Transport: s.HTTPClient.Transport, Jar: jar}}
}

// open loads an authorize URL and returns the name of the page.
func (b *browser) open(changes ...string) answer {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, authorizeURL(b.server, changes...), nil)
	if err != nil {
		b.t.Fatal(err)
	}
	return do(b.t, b.client, r)
}

// press sends a form of a page for that authorize URL.
func (b *browser) press(form url.Values, changes ...string) answer {
	b.t.Helper()
	_, query, _ := strings.Cut(authorizeURL(b.server, changes...), "?")
	form.Set("request", query)
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, b.server.Authority+"/login", strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return do(b.t, b.client, r)
}

func (b *browser) wants(a answer, page string) {
	b.t.Helper()
	if got := a.Header.Get(entratest.PageHeader); got != page {
		b.t.Errorf("shows %q, want %q", got, page)
	}
}
