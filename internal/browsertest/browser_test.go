package browsertest

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"testing"
)

// application is a small app that repeats its request, sets a cookie and requires it.
func application() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, _ = fmt.Fprintf(w, "%s %s %q %s %s %s", r.Method, r.URL.Path, body,
			r.Header.Get("Sec-Fetch-Site"), r.Header.Get("Sec-Fetch-Mode"), r.Header.Get("Origin"))
	})
	mux.HandleFunc("/in", func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "__Host-id", Value: "the-cookie", Path: "/", Secure: true})
		http.Redirect(w, r, "/way/1", http.StatusSeeOther)
	})
	mux.HandleFunc("/out", func(w http.ResponseWriter, _ *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "__Host-id", Path: "/", Secure: true, MaxAge: -1})
	})
	mux.HandleFunc("/way/1", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "2?q=1", http.StatusFound) })
	mux.HandleFunc("/way/2", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, `{"cookies":%q,"query":%q,"site":%q}`, r.Header.Get("Cookie"), r.URL.RawQuery, r.Header.Get("Sec-Fetch-Site"))
	})
	mux.HandleFunc("/elsewhere", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://entra.example/", http.StatusSeeOther)
	})
	mux.HandleFunc("/loop", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/loop", http.StatusSeeOther) })
	return mux
}

// doers are ways to reach the application.
func doers(t *testing.T) map[string]*Browser {
	t.Helper()
	server := httptest.NewTLSServer(application())
	t.Cleanup(server.Close)
	return map[string]*Browser{
		"handler": New(t, Handler(application()), origin),
		"server":  New(t, Client(server.Client()), server.URL),
	}
}

func TestBrowser_KeepsCookiesAndFollowsRedirects(t *testing.T) {
	t.Parallel()
	for name, b := range doers(t) {
		first := b.Navigate("/in")
		if first.StatusCode != http.StatusSeeOther || first.Location() != "/way/1" || first.Cookie("__Host-id") == nil || first.Cookie("other") != nil {
			t.Errorf("%s: %d %v", name, first.StatusCode, first.Header)
		}
		got := b.Follow(first).JSON(t)
		if got["cookies"] != "__Host-id=the-cookie" || got["query"] != "q=1" || got["site"] != "same-origin" {
			t.Errorf("%s: %v", name, got)
		}
		if b.Get("/out"); len(b.Jar) != 0 {
			t.Errorf("%s: left %v", name, b.Jar)
		}
	}
}

func TestBrowser_AsksInSeveralWays(t *testing.T) {
	t.Parallel()
	for name, b := range doers(t) {
		for want, got := range map[string]*Answer{
			`GET /echo ""   `:                                         b.Get("/echo?q=1"),
			`GET /echo "" same-origin navigate `:                      b.Navigate("/echo"),
			`GET /echo "" same-origin cors `:                          b.Fetch("/echo"),
			`POST /echo "a=1&b=%26" same-origin navigate ` + b.Origin: b.PostForm("/echo", url.Values{"a": {"1"}, "b": {"&"}}),
			`POST /echo "" same-origin navigate ` + b.Origin:          b.PostForm("/echo", nil),
		} {
			if got.Text != want {
				t.Errorf("%s: %q, want %q", name, got.Text, want)
			}
		}
	}
}

func TestBrowser_FollowStopsAtAnotherOrigin(t *testing.T) {
	t.Parallel()
	b := New(t, Handler(application()), origin)
	if a := b.Follow(b.Navigate("/elsewhere")); a.Location() != "https://entra.example/" {
		t.Errorf("%d to %q", a.StatusCode, a.Location())
	}
	if a := b.Follow(b.Get("/echo")); a.StatusCode != http.StatusOK {
		t.Errorf("a page: %d", a.StatusCode)
	}
	// Redirects that another site has started remain cross-site, so that SameSite=Strict is effective.
	if got := b.Follow(b.Send(CrossSite(Navigation(http.MethodGet, origin, "/in", "")))).JSON(t); got["site"] != "cross-site" {
		t.Errorf("%v", got)
	}
}

func TestBrowser_SendsCookiesToItsOriginAlone(t *testing.T) {
	t.Parallel()
	b := New(t, Handler(application()), origin)
	b.Navigate("/in")
	for target, want := range map[string]string{
		origin: "__Host-id=the-cookie", "http://app.example": "", "https://evil.example": "", "https://app.example:444": "",
	} {
		if got := b.Send(httptest.NewRequest(http.MethodGet, target+"/way/2", http.NoBody)).JSON(t)["cookies"]; got != want {
			t.Errorf("%s: %q", target, got)
		}
	}
	if b.Send(httptest.NewRequest(http.MethodGet, "https://evil.example/out", http.NoBody)); len(b.Jar) != 1 {
		t.Error("another origin removed the cookie")
	}
	forged := NewRequest(http.MethodGet, origin, "/way/2", "")
	forged.Host = "evil.example"
	if got := b.Send(forged).JSON(t)["cookies"]; got == "" {
		t.Error("the Host header moved the request to another origin")
	}
}

func TestBrowser_MayIgnoreSameSite(t *testing.T) {
	t.Parallel()
	b := New(t, Handler(application()), origin)
	b.IgnoresSameSite = true
	attack := func(path string) *http.Request { return CrossSite(NewRequest(http.MethodPost, origin, path, "")) }
	b.Send(attack("/in"))
	if got := b.Send(attack("/way/2")).JSON(t)["cookies"]; got != "__Host-id=the-cookie" {
		t.Errorf("sent %q", got)
	}
	b.IgnoresSameSite = false
	if got := b.Send(attack("/way/2")).JSON(t)["cookies"]; got != "" {
		t.Errorf("sent %q", got)
	}
}

func TestNewRequest_SendsTheTargetAsItIsWritten(t *testing.T) {
	t.Parallel()
	for _, target := range []string{"/a?b=c", "/%zz", "//evil.example", "https://evil.example/", "/a b", "", "/\\evil"} {
		r := NewRequest(http.MethodGet, origin, target, "")
		if r.RequestURI != target || r.Host != "app.example" || r.URL.Host != "app.example" || r.URL.Scheme != "https" {
			t.Errorf("%q: %q, %s", target, r.RequestURI, r.URL)
		}
	}
}

// failing is a testing.TB that records failures.
type failing struct {
	testing.TB
	said strings.Builder
}

func (f *failing) Helper()          {}
func (f *failing) Error(all ...any) { _, _ = fmt.Fprintln(&f.said, all...) }
func (f *failing) Fatalf(format string, all ...any) {
	fmt.Fprintf(&f.said, format, all...)
	runtime.Goexit()
}

func TestBrowser_FailsTheTest(t *testing.T) {
	t.Parallel()
	for want, run := range map[string]func(*Browser){
		"no answer": func(b *Browser) {
			b.App = DoerFunc(func(*http.Request) (*http.Response, error) { return nil, errors.New("no answer") })
			b.Get("/")
		},
		"more than 20 redirects": func(b *Browser) { b.Follow(b.Get("/loop")) },
		"not JSON":               func(b *Browser) { b.Get("/echo").JSON(b.TB) },
		"the-cookie":             func(b *Browser) { b.Get("/in"); b.Seen.MustLack(b.TB, nil, "a log with the-cookie") },
	} {
		f := &failing{TB: t}
		done := make(chan struct{})
		go func() {
			defer close(done)
			run(New(f, Handler(application()), origin))
		}()
		<-done
		if !strings.Contains(f.said.String(), want) {
			t.Errorf("%q was said, want %q", f.said.String(), want)
		}
	}
}
