package fibermsal_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/internal/browsertest"
)

// With form_post, no browser counts the redirects of a sign-in: a page of Entra's is in between.

// A hook that answers every sign-in with another one would let no user in, so this is reported
// immediately.
func TestBeforeSignIn_CannotAnswerBySignIns(t *testing.T) {
	t.Parallel()
	for name, err := range map[string]error{
		"one for its page":     fibermsal.StartSignIn(fibermsal.SignInOptions{To: "/guarded"}),
		"one with options":     fibermsal.StartSignIn(fibermsal.SignInOptions{LoginHint: adele, Prompt: fibermsal.PromptLogin}),
		"that one is required": fibermsal.ErrLoginRequired,
		"claims":               fibermsal.ClaimsChallenge(`{"access_token":{"nbf":{"essential":true,"value":"1635527790"}}}`),
	} {
		s := newSite(t, newIDP(t), func(cfg *fibermsal.Config) {
			cfg.BeforeSignIn = func(*fiber.Ctx, *fibermsal.SignInOptions) error { return err }
		})
		a := s.browser()
		login := a.Navigate("/guarded").Location()
		if page := a.Navigate(login); page.StatusCode != http.StatusInternalServerError || !strings.Contains(s.log.String(), "BeforeSignIn") {
			t.Errorf("%s: %d to %q\n%s", name, page.StatusCode, page.Location(), s.log)
		}
		if programs := a.Get(login); programs.StatusCode != http.StatusInternalServerError {
			t.Errorf("%s: a program gets %d to %q", name, programs.StatusCode, programs.Location())
		}
	}
}

// A hook that refuses every user with another sign-in ends like other loops.
func TestOnSignIn_StartingSignInsComesToAnEnd(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]fibermsal.SignInOptions{
		"for the page that required it": {},
		"for a page":                    {To: "/guarded"},
		"with options":                  {Scopes: []string{"Mail.Read"}, LoginHint: adele, DomainHint: "contoso.com"},
	} {
		for _, mode := range []fibermsal.ResponseMode{fibermsal.ResponseModeFormPost, fibermsal.ResponseModeQuery} {
			s := newSite(t, newIDP(t), withHook(func(context.Context, *fibermsal.SignIn) error { return fibermsal.StartSignIn(o) }),
				func(cfg *fibermsal.Config) { cfg.ResponseMode = mode })
			last, signIns := s.browser().wanders("/guarded", 20)
			if signIns < 2 || signIns > 11 || last.StatusCode != http.StatusForbidden || !strings.Contains(last.Text, "did not help") {
				t.Errorf("%s, %s: %d to %q after %d sign-ins", name, mode, last.StatusCode, last.Location(), signIns)
			}
		}
	}
}

// A hook may let users choose another account. The sign-in has the hook's options, even if there is a
// session, and leads to the page that required the first one.
func TestOnSignIn_StartsSignInsWithTheirOptions(t *testing.T) {
	t.Parallel()
	for _, present := range []string{"", alex} {
		for _, mode := range []fibermsal.ResponseMode{fibermsal.ResponseModeFormPost, fibermsal.ResponseModeQuery} {
			s := newSite(t, newIDP(t), func(cfg *fibermsal.Config) { cfg.ResponseMode = mode }, withHook(func(_ context.Context, in *fibermsal.SignIn) error {
				if in.User.Username == adele {
					return fibermsal.StartSignIn(fibermsal.SignInOptions{Prompt: fibermsal.PromptSelectAccount, DomainHint: "contoso.com"})
				}
				return nil
			}))
			b := s.browser()
			if present != "" {
				b.signIn(present)
			}
			again := b.Send(b.approve(b.Navigate("/user/login?to=/guarded").Location(), adele).Request())
			authorize := b.Navigate(again.Location()).Location()
			if q := query(t, authorize); q.Get("prompt") != "select_account" || q.Get("domain_hint") != "contoso.com" || b.user() != present {
				t.Errorf("%s, beside %q: %d to %q, %v", mode, present, again.StatusCode, again.Location(), q)
				continue
			}
			if back := b.Send(b.approve(authorize, alex).Request()); back.Location() != "/guarded" || b.user() != alex {
				t.Errorf("%s, beside %q: back to %q as %q", mode, present, back.Location(), b.user())
			}
		}
	}
}

// A return path from a request may contain handlers that start sign-ins, nested as deeply as the length
// of the path allows, and a page may redirect to them.
func TestB14_HandlersThatLeadToEachOtherComeToAnEnd(t *testing.T) {
	t.Parallel()
	s := newSite(t, newIDP(t))
	for _, path := range []string{"/switch", "/other"} {
		s.app.Get(path, func(c *fiber.Ctx) error { return fibermsal.StartSignIn(fibermsal.SignInOptions{To: c.Query("to")}) })
	}
	s.app.Get("/around", func(*fiber.Ctx) error { return fibermsal.StartSignIn(fibermsal.SignInOptions{To: "/back"}) })
	s.app.Get("/back", func(c *fiber.Ctx) error { return redirect(c, "/around") })
	for path, most := range map[string]int{
		"/switch" + strings.Repeat("?to=/switch", 60):           11,
		"/switch" + strings.Repeat("?to=/other?to=/switch", 30): 21,
		"/around": 11,
	} {
		b := s.browser()
		if last, signIns := b.wanders(path, 40); signIns > most || last.StatusCode != http.StatusForbidden || !strings.Contains(last.Text, "did not help") {
			t.Errorf("%.30s: %d to %q after %d sign-ins", path, last.StatusCode, last.Location(), signIns)
		}
		if a := b.Navigate("/guarded"); a.Text != "hello "+adele {
			t.Errorf("%.30s: another page is caught in it: %d", path, a.StatusCode)
		}
	}
}

// A user who was sent to a page that was shown may be sent there again, with any query. The same
// applies to a page that does not request the user, because the library does not see whether it was
// shown.
func TestStartSignIn_PagesThatAreShownAreNoLoop(t *testing.T) {
	t.Parallel()
	s := newSite(t, newIDP(t))
	s.app.Get("/connect", func(c *fiber.Ctx) error { return fibermsal.StartSignIn(fibermsal.SignInOptions{To: c.Query("to")}) })
	s.app.Get("/switch", func(c *fiber.Ctx) error {
		return fibermsal.StartSignIn(fibermsal.SignInOptions{To: c.Query("to"), Prompt: fibermsal.PromptSelectAccount})
	})
	for path, rounds := range map[string]int{
		"/connect?to=/guarded": 12, "/connect?to=/guarded?done=1": 12, "/connect?to=/guarded?done=1%23there": 12, "/switch?to=/": 12, "/connect?to=/": 6,
	} {
		b := s.browser()
		for i := range rounds {
			if last, signIns := b.wanders(path, 2); signIns != 1 || last.StatusCode != http.StatusOK {
				t.Fatalf("%s, %d: %d to %q after %d sign-ins", path, i+1, last.StatusCode, last.Location(), signIns)
			}
		}
	}
}

// A guarded page signs refused users out and is also the page to which they are redirected afterwards.
func TestB14_PagesThatSignOutComeToAnEnd(t *testing.T) {
	t.Parallel()
	s := newSite(t, newIDP(t))
	s.app.Get("/refusing", fibermsal.Require(func(*fiber.Ctx, *fibermsal.User) error {
		return fibermsal.SignOut(fibermsal.SignOutOptions{AppOnly: true, To: "/refusing"})
	}))
	b := s.browser()
	if last, signIns := b.wanders("/refusing", 8); signIns != 3 || last.StatusCode != http.StatusForbidden {
		t.Errorf("%d to %q after %d sign-ins", last.StatusCode, last.Location(), signIns)
	}
	if last, _ := b.wanders("/guarded", 2); last.Text != "hello "+adele {
		t.Errorf("another page is caught in it: %d", last.StatusCode)
	}
}

// An OnSignIn signs refused users out, in an app in which all pages are guarded.
func TestB14_OnSignInThatSignsOutComesToAnEnd(t *testing.T) {
	t.Parallel()
	for _, mode := range []fibermsal.ResponseMode{fibermsal.ResponseModeFormPost, fibermsal.ResponseModeQuery} {
		for _, to := range []string{"/guarded", "/guarded/home", ""} {
			s := newSite(t, newIDP(t), func(cfg *fibermsal.Config) {
				cfg.ResponseMode, cfg.PostLogoutURL = mode, publicURL+"/guarded/home"
			}, withHook(func(context.Context, *fibermsal.SignIn) error {
				return fibermsal.SignOut(fibermsal.SignOutOptions{AppOnly: true, To: to})
			}))
			s.app.Get("/guarded/home", fibermsal.Require())
			b := s.browser()
			b.App = browsertest.DoerFunc(func(r *http.Request) (*http.Response, error) {
				response, err := s.Do(r)
				if err == nil && response.Header.Get("Location") == publicURL+"/guarded/home" {
					response.Header.Set("Location", "/guarded/home")
				}
				return response, err
			})
			if last, signIns := b.wanders("/guarded", 8); signIns > 4 || last.StatusCode != http.StatusForbidden || !strings.Contains(last.Text, "did not help") {
				t.Errorf("%s, to %q: %d to %q after %d sign-ins", mode, to, last.StatusCode, last.Location(), signIns)
			}
		}
	}
}
