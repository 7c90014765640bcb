package entratest_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/internal/redistest"
)

// A complete sign-in and sign-out in a browser. The frame is loaded before the browser is redirected
// back.
func TestChromium_LoadsTheFramesBeforeItGoesOn(t *testing.T) {
	t.Parallel()
	chromium := redistest.Program(t, "chromium") // left out without it, but never under make test
	visits := make(chan *http.Request, 100)
	var logout string
	app := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/favicon.ico" {
			return
		}
		visits <- r
		if r.URL.Path == "/callback" {
			http.Redirect(w, r, logout, http.StatusSeeOther)
		}
	}))
	origin := "http://" + strings.Replace(app.Listener.Addr().String(), "127.0.0.1", "app.localhost", 1)
	s := listening(t, entratest.WithAutoSignIn(), entratest.WithRedirectURI(origin+"/callback"), entratest.WithLogoutURI(origin+"/bye"),
		entratest.WithFrontChannelLogout(origin+"/front"))
	logout = s.BrowserURL + "/" + s.TenantID + "/oauth2/v2.0/logout?post_logout_redirect_uri=" + url.QueryEscape(origin+"/bye")
	app.Start()
	t.Cleanup(app.Close)
	_, query, _ := strings.Cut(authorizeURL(s, "redirect_uri="+origin+"/callback", "login_hint=adelev@contoso.com"), "?")

	browser := exec.CommandContext(t.Context(), chromium, "--headless", "--no-sandbox", "--disable-gpu", "--user-data-dir="+t.TempDir(),
		"--virtual-time-budget=20000", "--dump-dom", s.BrowserURL+"/"+s.TenantID+"/oauth2/v2.0/authorize?"+query)
	output, err := browser.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	for _, want := range []string{"/callback", "/front", "/bye"} {
		select {
		case r := <-visits:
			if r.URL.Path != want || (want == "/front" && (r.URL.Query().Get("sid") == "" || r.Header.Get("Sec-Fetch-Dest") != "iframe")) {
				t.Errorf("got %s %v, want %s", r.URL, r.Header, want)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("no visit to %s; the browser shows %s", want, output)
		}
	}
}

func TestChromium_SubmitsTheFormPostAcrossSites(t *testing.T) {
	t.Parallel()
	chromium := redistest.Program(t, "chromium") // left out without it, but never under make test
	arrived := make(chan *http.Request, 1)
	app := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.ParseForm() == nil && r.Method == http.MethodPost {
			select {
			case arrived <- r:
			default:
			}
		}
	}))
	t.Cleanup(app.Close)
	callback := strings.Replace(app.URL, "127.0.0.1", "app.localhost", 1) + "/callback"
	s := listening(t, entratest.WithAutoSignIn(), entratest.WithRedirectURI(callback))
	discovery := get(t, s, s.Authority+"/v2.0/.well-known/openid-configuration").json(t)
	_, query, _ := strings.Cut(authorizeURL(s, "redirect_uri="+callback, "login_hint=adelev@contoso.com"), "?")

	browser := exec.CommandContext(t.Context(), chromium, "--headless", "--no-sandbox", "--disable-gpu", "--user-data-dir="+t.TempDir(),
		"--dump-dom", text(t, discovery["authorization_endpoint"])+"?"+query)
	output, err := browser.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	select {
	case r := <-arrived:
		if r.PostForm.Get("code") == "" || r.PostForm.Get("state") != "the-state" || r.Header.Get("Sec-Fetch-Site") != "cross-site" ||
			!strings.HasPrefix(r.Header.Get("Origin"), "http://login.localhost:") {
			t.Errorf("%v %v", r.PostForm, r.Header)
		}
	case <-time.After(10 * time.Second):
		t.Errorf("nothing arrived; the browser shows %s", output)
	}
}
