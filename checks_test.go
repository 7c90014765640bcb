package fibermsal_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
)

// Guards.

func pass(*fiber.Ctx, *fibermsal.User) error { return nil }

func refuse(*fiber.Ctx, *fibermsal.User) error { return fibermsal.ErrForbidden }

func consent(c *fiber.Ctx, u *fibermsal.User) error {
	return fibermsal.HasScope("Mail.Read")(c, u)
}

func unavailable(*fiber.Ctx, *fibermsal.User) error { return fibermsal.ErrUnavailable }

var errOfTheApp = errors.New("the app's own")

func fail(*fiber.Ctx, *fibermsal.User) error { return errOfTheApp }

func TestChecks_Combine(t *testing.T) {
	t.Parallel()
	s := newSite(t, newIDP(t))
	rows := map[string]struct {
		check  fibermsal.Check
		status int
	}{
		"nothing":                      {fibermsal.All(), 200},
		"any of nothing":               {fibermsal.Any(), 403},
		"all pass":                     {fibermsal.All(pass, pass), 200},
		"one refuses":                  {fibermsal.All(pass, refuse), 403},
		"one passes":                   {fibermsal.Any(refuse, pass), 200},
		"none passes":                  {fibermsal.Any(refuse, refuse), 403},
		"passes although one fails":    {fibermsal.Any(fail, pass), 200},
		"fails, others refuse":         {fibermsal.Any(refuse, fail), 500},
		"unavailable beats consent":    {fibermsal.Any(consent, unavailable, refuse), 503},
		"consent beats refusal":        {fibermsal.Any(refuse, consent), 403},
		"any in all":                   {fibermsal.All(pass, fibermsal.Any(refuse, pass)), 200},
		"all in any":                   {fibermsal.Any(fibermsal.All(pass, refuse), fibermsal.All(pass, pass)), 200},
		"none of them passes":          {fibermsal.Any(fibermsal.All(pass, refuse), fibermsal.Any()), 403},
		"a role that is there":         {fibermsal.HasRole("Nobody", "Reader"), 200},
		"a role that is not there":     {fibermsal.HasRole("reader"), 403},
		"no role":                      {fibermsal.HasRole(), 403},
		"scopes granted":               {fibermsal.HasScope("user.read"), 200},
		"scopes granted, written long": {fibermsal.HasScope("https://graph.entra.test/User.Read"), 200},
		"scope not granted":            {fibermsal.HasScope("User.Read", "Mail.Read"), 403},
	}
	for name, row := range rows {
		s.app.All("/"+strings.ReplaceAll(name, " ", "-"), fibermsal.Require(row.check), func(c *fiber.Ctx) error { return c.SendString("shown") })
	}
	b := s.browser()
	s.idp.TamperIDToken(func(token *entratest.IDToken) { token.Claims["roles"] = []string{"Reader"} })
	b.signIn(adele)
	for name, row := range rows {
		path := "/" + strings.ReplaceAll(name, " ", "-")
		for way, send := range ways {
			a := b.Send(send(path))
			want := row.status
			if (name == "consent beats refusal" || name == "scope not granted") && redirected[way] {
				want = http.StatusSeeOther
			}
			if a.StatusCode != want || (a.Text == "shown") != (want == http.StatusOK) {
				t.Errorf("%s by %s: %d %s", name, way, a.StatusCode, a.Text)
			}
		}
		if a := s.browser().Get(path); a.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s for a stranger: %d", name, a.StatusCode)
		}
	}
}

func TestChecks_OfNothingLetNobodyThrough(t *testing.T) {
	t.Parallel()
	s := newSite(t, newIDP(t))
	b := s.browser()
	b.signIn(adele)
	for i, check := range []fibermsal.Check{
		fibermsal.HasScope(), fibermsal.HasScope(""), fibermsal.HasScope("User.Read", " "),
		fibermsal.HasScope("openid"), fibermsal.HasScope("openid profile"), fibermsal.HasScope("https://graph.microsoft.com/openid"),
		fibermsal.HasScope(".default"), fibermsal.HasScope(".Default"), fibermsal.HasScope("https://graph.microsoft.com/.DEFAULT"),
		fibermsal.HasScope("User.Read https://graph.entra.test/.default"),
		fibermsal.HasRole(), fibermsal.HasRole(""), fibermsal.InGroup(), fibermsal.InGroup(""), fibermsal.HasAuthContext(""),
		fibermsal.Any(),
	} {
		path := fmt.Sprintf("/nothing%d", i)
		s.app.Get(path, fibermsal.Require(check), func(c *fiber.Ctx) error { return c.SendString("shown") })
		if a := b.Send(ways["fetch"](path)); a.Text == "shown" {
			t.Errorf("row %d: let through", i)
		}
	}
}

// A guard keeps its checks even if the slice that was passed to it changes.
func TestRequire_KeepsItsChecks(t *testing.T) {
	t.Parallel()
	s := newSite(t, newIDP(t))
	b := s.browser()
	b.signIn(adele)
	base := make([]fibermsal.Check, 0, 8)
	base = append(base, pass)
	s.app.Get("/admin", fibermsal.Require(append(base, fibermsal.HasRole("Admin"))...), func(c *fiber.Ctx) error { return c.SendString("shown") })
	s.app.Get("/page", fibermsal.Require(append(base, pass)...), func(c *fiber.Ctx) error { return c.SendString("shown") }) // overwrites what the first appended
	s.app.Get("/all", fibermsal.Require(fibermsal.All(append(base, fibermsal.HasRole("Admin"))...)), func(c *fiber.Ctx) error { return c.SendString("shown") })
	clear(base[:cap(base)])
	for path, status := range map[string]int{"/admin": http.StatusForbidden, "/page": http.StatusOK, "/all": http.StatusForbidden} {
		if a := b.Get(path); a.StatusCode != status {
			t.Errorf("%s: %d", path, a.StatusCode)
		}
	}
}

// Handlers can call each check as a function.
func TestChecks_WorkWithoutRequire(t *testing.T) {
	t.Parallel()
	s := newSite(t, newIDP(t))
	b := s.browser()
	b.signIn(adele)
	for name, row := range map[string]struct {
		check            fibermsal.Check
		signedIn, nobody int
	}{
		"scope":         {fibermsal.HasScope("User.Read"), http.StatusOK, http.StatusUnauthorized},
		"other-scope":   {fibermsal.HasScope("Mail.Read"), http.StatusForbidden, http.StatusUnauthorized},
		"group":         {fibermsal.InGroup("00000000-0000-0000-0000-000000000001"), http.StatusForbidden, http.StatusUnauthorized},
		"authenticated": {fibermsal.AuthenticatedWithin(time.Hour), http.StatusOK, http.StatusUnauthorized},
		"context":       {fibermsal.HasAuthContext("c1"), http.StatusUnauthorized, http.StatusUnauthorized},
	} {
		s.app.Get("/"+name, func(c *fiber.Ctx) error {
			if err := row.check(c, &fibermsal.User{}); err != nil {
				return err
			}
			return c.SendString("shown")
		})
		for who, of := range map[*browser]int{b: row.signedIn, s.browser(): row.nobody} {
			if a := who.Get("/" + name); a.StatusCode != of {
				t.Errorf("%s: %d instead of %d: %s", name, a.StatusCode, of, a.Text)
			}
		}
	}
}

func TestMaxAge_IsNotToBeTalkedOutOf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newInteractiveSite(t, newIDP(t))
		for name, row := range map[string]struct {
			claim  any
			reason string
		}{
			"an hour old": {float64(time.Now().Add(-time.Hour).Unix()), "not_reauthenticated"},
			"not told":    {nil, "auth_time_missing"},
			"no number":   {"now", "auth_time_missing"},
		} {
			b := s.browser()
			b.signIn(adele)
			time.Sleep(10 * time.Minute)
			authorizeURL := b.Navigate(b.Navigate("/max-age").Location()).Location()
			s.idp.TamperIDToken(func(token *entratest.IDToken) {
				token.Claims["auth_time"] = row.claim
				if row.claim == nil {
					delete(token.Claims, "auth_time")
				}
			})
			a := b.Send(b.approve(authorizeURL, adele).Request())
			s.idp.TamperIDToken(nil)
			if a.StatusCode != http.StatusBadRequest || !strings.Contains(s.log.String(), `"reason":"`+row.reason+`"`) {
				t.Errorf("%s: %d %s\n%s", name, a.StatusCode, a.Text, s.log)
			}
			if a := b.Navigate("/max-age"); a.Text == "shown" {
				t.Errorf("%s: let through", name)
			}
		}
	})
}

func TestMaxAge_IsTheSameForGuardAndSignIn(t *testing.T) {
	const limit = 5 * time.Minute // of /max-age
	for name, row := range map[string]struct {
		age    time.Duration
		passes bool
	}{
		"just in time":                {limit, true},
		"a second late":               {limit + time.Second, false},
		"late, within the clocks'":    {2*limit - time.Second, false},
		"in a future that clocks see": {-limit, true},
		"in the future":               {-limit - time.Second, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newInteractiveSite(t, newIDP(t))
				authenticated := func(age time.Duration) {
					at := float64(time.Now().Add(-age).Unix())
					s.idp.TamperIDToken(func(token *entratest.IDToken) { token.Claims["auth_time"] = at })
				}
				guarded := s.browser()
				authenticated(row.age)
				guarded.signIn(adele)
				if a := guarded.Navigate("/max-age"); (a.Text == "shown") != row.passes {
					t.Errorf("guard: %d %q", a.StatusCode, a.Text)
				}
				late := s.browser()
				authenticated(time.Hour)
				late.signIn(adele)
				authorizeURL := late.Navigate(late.Navigate("/max-age").Location()).Location()
				authenticated(row.age)
				a := late.Send(late.approve(authorizeURL, adele).Request())
				if (a.StatusCode == http.StatusSeeOther) != row.passes {
					t.Errorf("sign-in: %d", a.StatusCode)
				}
				if !row.passes && !strings.Contains(s.log.String(), "clock") {
					t.Errorf("the log does not tell what to look at: %s", s.log)
				}
			})
		})
	}
}

func TestAuthContext_MustBeInTheIDToken(t *testing.T) {
	t.Parallel()
	s := newInteractiveSite(t, newIDP(t))
	b := s.browser()
	b.signIn(adele)
	authorizeURL := b.Navigate(b.Navigate("/step-up").Location()).Location()
	s.idp.TamperIDToken(func(token *entratest.IDToken) { token.Claims["acrs"] = []string{"c2"} })
	if a := b.Send(b.approve(authorizeURL, adele).Request()); a.StatusCode != http.StatusBadRequest || !strings.Contains(s.log.String(), "auth_context_missing") {
		t.Errorf("%d %s", a.StatusCode, a.Text)
	}
}
