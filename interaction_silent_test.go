package fibermsal_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
)

func TestInteraction_SilentSignInIsFollowedByOneWithTheUser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, newIDP(t, entratest.WithAccessTokenLifetime(time.Hour)))
		b := s.browser()
		b.signIn(adele)
		s.idp.Fault(entratest.Token, entratest.Fault{Times: 1, OAuth: &entratest.OAuthError{Error: "invalid_grant", Codes: []int{50173}, Suberror: "bad_token"}})
		time.Sleep(6 * time.Hour)
		b.user()
		time.Sleep(6 * time.Hour)
		b.user()
		time.Sleep(6 * time.Hour)
		b.user()
		time.Sleep(5 * time.Hour)
		silent := b.Navigate("/token?q=1")
		u, err := url.Parse(b.Navigate(silent.Location()).Location())
		if err != nil || u.Query().Get("prompt") != "none" || u.Query().Get("login_hint") == "" {
			t.Fatalf("first %v", u)
		}
		failed := b.Send(b.approve(u.String(), adele).Request()) // Entra knows nobody in this browser
		if failed.StatusCode != http.StatusSeeOther || !strings.HasPrefix(failed.Location(), "/user/login?") {
			t.Fatalf("then %d %s", failed.StatusCode, failed.Text)
		}
		again, err := url.Parse(b.Navigate(failed.Location()).Location())
		if err != nil || again.Query().Get("prompt") != "" {
			t.Fatalf("then %v", again)
		}
		back := b.Send(b.approve(again.String(), adele).Request())
		if back.Location() != "/token?q=1" || b.Navigate(back.Location()).Text != adele {
			t.Errorf("at last %q\n%s", back.Location(), s.log)
		}
	})
}

func TestInteraction_SilentSignInOfSomebodyElseNeedsTheUser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, newIDP(t, entratest.WithAccessTokenLifetime(time.Hour)))
		b := s.browser()
		b.signIn(adele)
		sso := s.idp.NewBrowser()
		if _, err := sso.SignIn(s.browser().start(""), alex); err != nil { // alex's session at Entra
			t.Fatal(err)
		}
		s.idp.Revoke(adele)
		time.Sleep(2 * time.Hour)
		u, err := url.Parse(b.Navigate(b.Navigate("/token").Location()).Location())
		if err != nil || u.Query().Get("prompt") != "none" {
			t.Fatalf("%v", u)
		}
		q := u.Query()
		q.Del("login_hint") // somebody changed it, or Entra takes no notice
		u.RawQuery = q.Encode()
		response, err := sso.SignIn(u.String(), alex)
		if err != nil || response.Values.Get("code") == "" {
			t.Fatalf("%v, %v", response, err)
		}
		back := b.Send(response.Request())
		if !strings.HasPrefix(back.Location(), "/user/login?") || b.user() != adele {
			t.Errorf("to %q as %q", back.Location(), b.user())
		}
	})
}

func TestD13_SilentSignInDoesNotBringBackTheFormerUser(t *testing.T) {
	t.Parallel()
	s := newSite(t, newIDP(t))
	s.routeBroken()
	b, sso := s.browser(), s.idp.NewBrowser()
	b.signIn(adele)
	if _, err := sso.SignIn(b.start(""), adele); err != nil {
		t.Fatal(err)
	}
	silent, err := sso.SignIn(b.startBroken(), adele)
	if err != nil || silent.Values.Get("code") == "" {
		t.Fatalf("%v, %v", silent, err)
	}
	b.signIn(alex) // in another tab
	if a := b.Send(silent.Request()); b.user() != alex || !strings.HasPrefix(a.Location(), "/user/login") {
		t.Errorf("without a word %q is signed in, to %q", b.user(), a.Location())
	}
}

func TestInteraction_SilentSignInIsTheSameUsers(t *testing.T) {
	for name, row := range map[string]func(q url.Values){
		"hint unknown to Entra": func(q url.Values) { q.Set("login_hint", "renamed@contoso.com") },
		"hint lost":             func(q url.Values) { q.Del("login_hint") },
	} {
		s := newSite(t, newIDP(t))
		s.routeBroken()
		b, sso := s.browser(), s.idp.NewBrowser()
		if _, err := sso.SignIn(s.browser().start(""), alex); err != nil { // Entra's session is Alex's
			t.Fatal(err)
		}
		b.signIn(adele)
		u, err := url.Parse(b.startBroken())
		if err != nil || u.Query().Get("prompt") != "none" {
			t.Fatal(u)
		}
		q := u.Query()
		row(q)
		u.RawQuery = q.Encode()
		response, err := sso.SignIn(u.String(), alex)
		if err != nil {
			t.Fatal(err)
		}
		if b.Send(response.Request()); b.user() == alex {
			t.Errorf("%s: without a word Adele's browser is Alex's", name)
		}
	}
}

func TestInteraction_HintThatDoesNotFitIsNoSilentSignIn(t *testing.T) {
	s := newSite(t, newIDP(t))
	s.routeBroken()
	s.idp.TamperIDToken(func(token *entratest.IDToken) { token.Claims["login_hint"] = strings.Repeat("h", 700) })
	b := s.browser()
	b.signIn(adele)
	u, err := url.Parse(b.startBroken())
	if err != nil || (u.Query().Get("prompt") == "none" && u.Query().Get("login_hint") == "") {
		t.Errorf("whoever Entra knows in this browser will do: %v", u)
	}
}

func TestInteraction_SignOutWinsOverASilentSignIn(t *testing.T) {
	s := newSite(t, newIDP(t))
	s.routeBroken()
	b, sso := s.browser(), s.idp.NewBrowser()
	b.signIn(adele)
	if _, err := sso.SignIn(b.start(""), adele); err != nil {
		t.Fatal(err)
	}
	response, err := sso.SignIn(b.startBroken(), adele)
	if err != nil {
		t.Fatal(err)
	}
	b.Send(request(http.MethodPost, "/user/logout", ""))
	if b.Send(response.Request()); b.user() != "" {
		t.Errorf("signed out, and in again without a word")
	}
}

func TestInteraction_SilentOnceThenWithTheUser(t *testing.T) {
	s := newSite(t, newIDP(t))
	s.routeBroken()
	b, sso := s.browser(), s.idp.NewBrowser()
	b.signIn(adele)
	if _, err := sso.SignIn(b.start(""), adele); err != nil {
		t.Fatal(err)
	}
	var prompts []string
	for range 2 {
		authorizeURL := b.startBroken()
		u, err := url.Parse(authorizeURL)
		if err != nil {
			t.Fatal(err)
		}
		prompts = append(prompts, u.Query().Get("prompt"))
		response, err := sso.SignIn(authorizeURL, adele)
		if err != nil {
			t.Fatal(err)
		}
		b.Send(response.Request())
	}
	if prompts[0] != "none" || prompts[1] == "none" {
		t.Errorf("prompts %q", prompts)
	}
}

// routeBroken adds a page for a signed-in user that requires a new sign-in.
func (s *site) routeBroken() {
	s.app.Get("/broken", func(c *fiber.Ctx) error { fibermsal.FromContext(c); return fibermsal.ErrLoginRequired })
}

// startBroken opens that page, and returns where the sign-in that it starts leads at Entra.
func (b *browser) startBroken() string {
	return b.Navigate(b.Navigate("/broken").Location()).Location()
}
