package entratest_test

import (
	"errors"
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

const frontChannel = "https://app.example/user/frontchannel-logout"

func TestSignOut_tells_the_application_in_hidden_frames(t *testing.T) {
	t.Parallel()
	s := newServer(t, entratest.WithFrontChannelLogout(frontChannel))
	b := s.NewBrowser()
	adele := enter(t, b, authorizeURL(s), "adelev@contoso.com").Get("session_state")
	alex := enter(t, b, authorizeURL(s, "prompt=select_account"), "alexw@contoso.com").Get("session_state")
	logout := s.Authority + "/oauth2/v2.0/logout?" + url.Values{"post_logout_redirect_uri": {redirectURI}, "state": {"s"}}.Encode()

	out, err := b.SignOut(logout, "adelev@contoso.com")
	if err != nil {
		t.Fatal(err)
	}
	if len(out.Frames) != 1 || out.Frames[0].URL.String() != frontChannel+"?sid="+adele || out.Target != redirectURI+"?state=s" {
		t.Errorf("got %v and then %q", out.Frames, out.Target)
	}
	for name, want := range map[string]string{"Sec-Fetch-Dest": "iframe", "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Cookie": ""} {
		if got := out.Frames[0].Header.Get(name); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
	rest, err := b.SignOut(s.Authority+"/oauth2/v2.0/logout", "")
	if err != nil || len(rest.Frames) != 1 || rest.Frames[0].URL.Query().Get("sid") != alex || rest.Target != "" {
		t.Errorf("the other one: %v, %v", rest, err)
	}
	again, err := b.SignOut(logout, "")
	if err != nil || len(again.Frames) != 0 || again.Target != redirectURI+"?state=s" {
		t.Errorf("nobody left: %v, %v", again, err)
	}
	var page *entratest.PageError
	if _, err := b.SignOut("https://login.entra.test/nonsense/oauth2/v2.0/logout", ""); !errors.As(err, &page) || page.Code != 900023 {
		t.Errorf("an unknown tenant gives %v", err)
	}
}

func TestSignOut_tells_an_application_only_of_sessions_it_has_a_part_in(t *testing.T) {
	t.Parallel()
	s := newServer(t, entratest.WithFrontChannelLogout(frontChannel+"?tenant=a"), entratest.WithFrontChannelIssuer())
	logout := s.Authority + "/oauth2/v2.0/logout"
	b := newBrowser(t, s)
	b.wants(b.press(url.Values{"user": {"adelev@contoso.com"}}), "consent") // signed in, but no code yet
	get := func() answer {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, logout+"?post_logout_redirect_uri=https://evil.example/", nil)
		if err != nil {
			t.Fatal(err)
		}
		return do(t, b.client, r)
	}
	if a := get(); strings.Contains(a.body, "<iframe") || strings.Contains(a.Header.Get("Content-Security-Policy"), "frame-src") {
		t.Error("the application is told of a session it never knew")
	}
	b.press(url.Values{"user": {"adelev@contoso.com"}})
	b.press(url.Values{"user": {"adelev@contoso.com"}, "action": {"accept"}})
	a := get()
	b.wants(a, "signed-out") // evil.example is not registered, but the application is told
	policy := a.Header.Get("Content-Security-Policy")
	if !strings.Contains(policy, "; frame-src https://app.example") || strings.Contains(policy, "form-action") {
		t.Errorf("policy %s", policy)
	}
	if want := `<iframe src="` + frontChannel + `?tenant=a&amp;iss=https%3A%2F%2Flogin.entra.test%2F` + s.TenantID + `%2Fv2.0&amp;sid=`; !strings.Contains(a.body, want) || !strings.Contains(a.body, " hidden></iframe>") {
		t.Errorf("the page lacks %s: %s", want, a.body)
	}
}

func TestSignOut_without_a_front_channel_redirects_at_once(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	b := s.NewBrowser()
	enter(t, b, authorizeURL(s), "adelev@contoso.com")
	out, err := b.SignOut(s.Authority+"/oauth2/v2.0/logout?post_logout_redirect_uri="+url.QueryEscape(redirectURI), "")
	if err != nil || len(out.Frames) != 0 || out.Target != redirectURI {
		t.Errorf("%v, %v", out, err)
	}
}

// The whole way in a browser: sign-in, sign-out, frame, and only then the way back.
func TestChromium_loads_the_frames_before_it_goes_on(t *testing.T) {
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
