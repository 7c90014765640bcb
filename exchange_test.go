package fibermsal_test

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal/entratest"
)

// newImpatientSite is a site behind what Fiber's timeout middleware does: requests with the
// header Patience end after so long.
func newImpatientSite(t *testing.T, idp *entratest.Server) *site {
	t.Helper()
	s := newSite(t, idp)
	inner := s.app
	s.app = fiber.New(fiber.Config{ReadBufferSize: 16 << 10, DisableStartupMessage: true})
	s.app.Use(func(c *fiber.Ctx) error {
		if patience, err := time.ParseDuration(c.Get("Patience")); err == nil {
			ctx, cancel := context.WithTimeout(c.UserContext(), patience)
			defer cancel()
			c.SetUserContext(ctx)
		}
		return c.Next()
	})
	s.app.Mount("/", inner)
	t.Cleanup(func() { _ = inner.Shutdown() })
	return s
}

// signInWithin delivers Entra's answer with a deadline.
func (b *browser) signInWithin(patience string) *answer {
	b.t.Helper()
	r := b.approve(b.start(""), adele).Request()
	r.Header.Set("Patience", patience)
	return b.do(r)
}

func TestEntra_ACallersDeadlineSaysNothingAboutEntra(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newImpatientSite(t, newIDP(t))
		s.idp.Fault(entratest.Token, entratest.Fault{Delay: 4 * time.Second})
		for range 25 {
			if a := s.browser().signInWithin("3s"); a.StatusCode != http.StatusServiceUnavailable {
				t.Fatalf("status %d", a.StatusCode)
			}
		}
		b := s.browser()
		b.signIn(adele)
		time.Sleep(2 * time.Hour)
		if a := b.get("/token"); a.body != adele {
			t.Errorf("a renewal: %d %s", a.StatusCode, a.body)
		}
	})
}

// The limits of the library itself do: of a sign-in, a renewal and the app's own tokens.
func TestEntra_CallsThatRunIntoTheLimitPauseEntra(t *testing.T) {
	for name, fail := range map[string]func(*testing.T, *site, *browser){
		"sign-ins": func(_ *testing.T, s *site, _ *browser) { s.browser().signInWithin("1m") },
		"renewals": func(_ *testing.T, _ *site, b *browser) { b.get("/token") },
		"tokens of the app": func(t *testing.T, s *site, _ *browser) {
			t.Helper()
			if _, err := s.auth.AppCredential().GetToken(t.Context(), tokenRequest()); err == nil {
				t.Error("a token")
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newImpatientSite(t, newIDP(t, entratest.WithAppPermissions("User.Read.All")))
				b := s.browser()
				b.signIn(adele)
				time.Sleep(2 * time.Hour)
				s.idp.Fault(entratest.Token, entratest.Fault{Delay: time.Minute})
				for range 10 {
					fail(t, s, b)
					time.Sleep(6 * time.Second) // for so long the failure is remembered
				}
				for n := s.idp.Count(entratest.Token); ; { // the pause may be over: one call finds out
					late := s.browser()
					late.do(late.approve(late.start(""), adele).Request())
					if s.idp.Count(entratest.Token) > n {
						break
					}
				}
				s.idp.ResetRequests()
				late := s.browser()
				began := time.Now()
				if a := late.do(late.approve(late.start(""), adele).Request()); !a.unavailable() || time.Since(began) > time.Second {
					t.Errorf("status %d after %v", a.StatusCode, time.Since(began))
				}
				if n := s.idp.Count(entratest.Token); n != 0 {
					t.Errorf("%d calls of an Entra that does not answer", n)
				}
			})
		})
	}
}
