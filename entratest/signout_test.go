package entratest_test

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/fibermsal/fibermsal/entratest"
)

const frontChannel = "https://app.example/user/frontchannel-logout"

func TestLogout_EndsTheSessionAndReturnsOnlyToRegisteredURIs(t *testing.T) {
	t.Parallel()
	s := newServer(t, entratest.WithLogoutURI("https://app.example/bye"))
	logout := func(b *browser, query string) answer {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.Authority+"/oauth2/v2.0/logout?"+query, nil)
		if err != nil {
			t.Fatal(err)
		}
		return do(t, b.client, r)
	}
	enter := func(b *browser, login string) {
		b.press(url.Values{"user": {login}})
		b.press(url.Values{"user": {login}, "action": {"accept"}})
	}
	for target, want := range map[string]string{
		"https://app.example/bye": "https://app.example/bye?state=s", redirectURI: redirectURI + "?state=s", "https://evil.example/": "", "": "",
	} {
		b := newBrowser(t, s)
		enter(b, "adelev@contoso.com")
		b.wants(b.open(), "form_post")
		a := logout(b, url.Values{"post_logout_redirect_uri": {target}, "state": {"s"}}.Encode())
		if a.Header.Get("Location") != want {
			t.Errorf("%q leads to %q, want %q", target, a.Header.Get("Location"), want)
		}
		b.wants(b.open(), "accounts")
	}
	b := newBrowser(t, s)
	enter(b, "adelev@contoso.com")
	enter(b, "alexw@contoso.com")
	b.wants(logout(b, ""), "pick-logout")
	b.wants(logout(b, "logout_hint=adelev@contoso.com"), "signed-out")
	b.wants(b.open(), "form_post") // Alex alone
}

func TestSignOut_NotifiesTheApplicationInHiddenFrames(t *testing.T) {
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

func TestSignOut_NotifiesAnApplicationOnlyOfItsOwnSessions(t *testing.T) {
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

func TestSignOut_RedirectsAtOnceWithoutAFrontChannel(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	b := s.NewBrowser()
	enter(t, b, authorizeURL(s), "adelev@contoso.com")
	out, err := b.SignOut(s.Authority+"/oauth2/v2.0/logout?post_logout_redirect_uri="+url.QueryEscape(redirectURI), "")
	if err != nil || len(out.Frames) != 0 || out.Target != redirectURI {
		t.Errorf("%v, %v", out, err)
	}
}
