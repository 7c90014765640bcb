package fibermsal_test

import (
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

// Entra's auth_time is the time of the password. A user who needs longer than the maximum age for the
// second factor has authenticated nevertheless.
func TestMaxAge_ASlowUserPasses(t *testing.T) {
	for _, slow := range []time.Duration{0, 4 * time.Minute, 6 * time.Minute, 9 * time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			s := newInteractiveSite(t, newIDP(t))
			b := s.browser()
			b.signIn(adele)
			time.Sleep(time.Hour)
			authorizeURL := b.Navigate(b.Navigate("/max-age").Location()).Location()
			time.Sleep(30 * time.Second)
			response := b.approve(authorizeURL, adele) // by password
			time.Sleep(slow)                           // the second factor
			back := b.Send(response.Request())
			if back.StatusCode != http.StatusSeeOther {
				t.Fatalf("%v: %d %s\n%s", slow, back.StatusCode, back.Text, s.log)
			}
			if a := b.Navigate(back.Location()); a.Text != "shown" {
				t.Errorf("%v: %d to %q", slow, a.StatusCode, a.Location())
			}
			// Another sign-in, for a permission, repeats the time of the password.
			s.idp.TamperIDToken(func(token *entratest.IDToken) {
				token.Claims["auth_time"] = time.Now().Add(-slow - time.Minute).Unix()
			})
			b.follow("/scope", adele)
			if a := b.Navigate("/max-age"); a.Text != "shown" {
				t.Errorf("%v, after another sign-in: %d to %q", slow, a.StatusCode, a.Location())
			}
			time.Sleep(5*time.Minute + time.Second)
			if a := b.Navigate("/max-age"); a.Text == "shown" {
				t.Errorf("%v: for ever", slow)
			}
		})
	}
}

// An authentication before the sign-in keeps its age, even if the sign-in requested a new one.
func TestMaxAge_AnAuthenticationBeforeTheAttemptIsNotNew(t *testing.T) {
	for _, age := range []time.Duration{5*time.Minute + time.Second, time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			s := newInteractiveSite(t, newIDP(t))
			b := s.browser()
			b.signIn(adele)
			time.Sleep(2 * time.Hour)
			at := time.Now().Add(-age)
			authorizeURL := b.Navigate(b.Navigate("/max-age").Location()).Location()
			s.idp.TamperIDToken(func(token *entratest.IDToken) { token.Claims["auth_time"] = at.Unix() })
			b.assertRejected(b.Send(b.approve(authorizeURL, adele).Request()), http.StatusBadRequest, "not_reauthenticated")
		})
	}
}

// Microsoft's documents write the IDs of contexts in both cases.
func TestAuthContext_IsComparedWithoutCase(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ check, claim string }{{"C1", "c1"}, {"c1", "C1"}, {"C99", "c99"}, {"c10", "C10"}} {
		s := newInteractiveSite(t, newIDP(t))
		s.app.Get("/page", fibermsal.Require(fibermsal.HasAuthContext(row.check)), func(c *fiber.Ctx) error { return c.SendString("shown") })
		b := s.browser()
		b.signIn(adele)
		if a := b.Navigate("/page"); a.StatusCode != http.StatusSeeOther {
			t.Errorf("%v: %d without the context", row, a.StatusCode)
		}
		s.idp.TamperIDToken(func(token *entratest.IDToken) { token.Claims["acrs"] = []string{row.claim} })
		authorize, landed := b.follow("/page", adele)
		if landed.Text != "shown" || !strings.Contains(authorize.Get("claims"), `"value":"`+strings.ToLower(row.check)+`"`) {
			t.Errorf("%v: %d %s, claims %s", row, landed.StatusCode, landed.Text, authorize.Get("claims"))
		}
		s.idp.TamperIDToken(nil)
		b.follow("/scope", adele) // what was satisfied stays
		if a := b.Navigate("/page"); a.Text != "shown" {
			t.Errorf("%v, after another sign-in: %d", row, a.StatusCode)
		}
	}
}

// A context ID that cannot exist would send every user to the sign-in three times.
func TestAuthContext_IsCheckedAtTheStart(t *testing.T) {
	t.Parallel()
	for id, valid := range map[string]bool{
		"c1": true, "C25": true, "c99": true, "": true, // without an ID nobody passes, see TestChecks_OfNothingLetNobodyThrough
		"c0": false, "c100": false, "c01": false, "1": false, "mfa": false, " c1": false, "c1 ": false, "c1\n": false, "c": false, "urn:c1": false, "c1,c2": false,
	} {
		refused := func() (reason any) {
			defer func() { reason = recover() }()
			fibermsal.HasAuthContext(id)
			return nil
		}()
		if (refused == nil) != valid || (refused != nil && !strings.Contains(fmt.Sprint(refused), "c1 to c99")) {
			t.Errorf("%q: %v", id, refused)
		}
	}
}

// As the documentation warns, Entra confirms a context without a policy for all users.
func TestAuthContext_WithoutAPolicyLetsEverybodyThrough(t *testing.T) {
	t.Parallel()
	s := newInteractiveSite(t, newIDP(t, entratest.WithoutAuthContextPolicy("c1")))
	b := s.browser()
	b.signIn(adele)
	s.idp.ResetRequests()
	if _, landed := b.follow("/step-up", adele); landed.Text != "shown" {
		t.Errorf("%d %s", landed.StatusCode, landed.Text)
	}
}
