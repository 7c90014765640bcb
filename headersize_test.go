package fibermsal_test

import (
	"fmt"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"github.com/fibermsal/fibermsal/internal/browsertest"
)

// The limits of nginx by default: 4 kB for the header of a response, and 8 kB for each header line of a
// request. The app needs a part of both.
const (
	maxResponseHeader = 4096 - 300
	maxRequestLine    = 8192 - 1000
)

// measured measures the headers of all requests and responses between a browser and its app.
func (b *browser) measured() *browser {
	app := b.App
	b.App = browsertest.DoerFunc(func(r *http.Request) (*http.Response, error) {
		for name, line := range map[string]string{"Cookie": r.Header.Get("Cookie"), "URL": r.URL.RequestURI()} {
			if len(line) > maxRequestLine {
				b.t.Errorf("%s of %d bytes for %.40s", name, len(line), r.URL)
			}
		}
		response, err := app.Do(r)
		if err != nil {
			return nil, err
		}
		header, err := httputil.DumpResponse(response, false)
		if len(header) > maxResponseHeader {
			b.t.Errorf("a header of %d bytes for %.40s", len(header), r.URL)
		}
		return response, err
	})
	return b
}

// Proxies refuse what exceeds their buffers, so that users could not sign in for an hour.
func TestD15_HeadersFitTheBuffersOfProxies(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, b *browser) {
		t.Helper()
		for range 20 {
			b.start("/pages/x")
		}
		b.measured()
		for name, text := range map[string]string{
			"noise":         noise(4096),
			"to be escaped": strings.Repeat("%C3%A4=/,:;&", 400)[:4096],
			"filters":       strings.Repeat("filter[name]=(a,'b')&", 200)[:4096],
		} {
			for length := 500; length < 4050; length += 150 {
				page := fmt.Sprintf("/pages/%d?q=%s", length, strings.TrimRight(text[:length], "%C3A4"))
				want := page
				if name == "noise" && length > 2700 { // no cookie is long enough
					want = "/"
				}
				if path, _ := b.lands(b.Navigate(page), adele); path != want && path != page {
					t.Errorf("%s of %d bytes: leads to %.40s", name, length, path)
				}
				b.Send(request(http.MethodPost, "/user/logout", ""))
			}
		}
	})
}

// The longest path that would be escaped to three times its length leads home.
func TestD15_LoginURLsFitTheBuffersOfProxies(t *testing.T) {
	t.Parallel()
	s := newSite(t, newIDP(t))
	servePages(s)
	b := s.browser().measured()
	page := "/pages/x?" + strings.Repeat("&", 4000)
	login := b.Navigate(page).Location()
	if u, err := url.Parse(login); err != nil || u.Query().Has("to") || u.Query().Get("page") == "" {
		t.Errorf("it leads to %.60s", login)
	}
	if path, _ := b.lands(b.Navigate(page), adele); path != "/" {
		t.Errorf("it leads to %.60s", path)
	}
}

func TestD15_LongTargetsOfHandlersFitTheBuffersOfProxies(t *testing.T) {
	t.Parallel()
	b := behindProxy(t, false).measured()
	b.signInBelow("/myapp/guarded", adele)
	target := "/myapp/guarded?q=" + strings.Repeat("/a", 1800)
	if a := b.Navigate("/myapp/leave?to=" + url.QueryEscape(target)[:7000]); !a.Redirects() {
		t.Errorf("%d to %.60q", a.StatusCode, a.Location())
	}
}

// A script of htmx does not follow the redirect of a page.
func TestStartSignIn_LongTargetsReachHTMXInItsHeader(t *testing.T) {
	t.Parallel()
	b := behindProxy(t, false)
	target := "/myapp/guarded?q=" + strings.Repeat("/a", 1600)
	ask := request(http.MethodGet, "/myapp/start?to="+url.QueryEscape(target), "")
	ask.Header.Set("HX-Request", "true")
	ask.Header.Set("Sec-Fetch-Mode", "cors")
	a := b.Send(ask)
	if login := a.Header.Get("HX-Redirect"); a.StatusCode != http.StatusOK || query(t, login).Get("to") != target || a.Text != "" && a.Text != "OK" {
		t.Errorf("%d to %.60q: %.60q", a.StatusCode, login, a.Text)
	}
}
