package fibermsal_test

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
)

// newImpatientSite returns a site whose requests end after the time in the header Patience, as with
// Fiber's timeout middleware.
func newImpatientSite(t *testing.T, idp *entratest.Server) *site {
	t.Helper()
	s := newSite(t, idp)
	inner := s.app
	s.app = newApp()
	s.app.Use(func(c *fiber.Ctx) error {
		if patience, err := time.ParseDuration(c.Get("Patience")); err == nil {
			ctx, cancel := context.WithTimeout(c.UserContext(), patience)
			defer cancel()
			c.SetUserContext(ctx)
		}
		return c.Next()
	})
	mount(s.app, inner)
	t.Cleanup(func() { _ = inner.Shutdown() })
	return s
}

// signInWithin delivers Entra's answer with a deadline.
func (b *browser) signInWithin(patience string) *answer {
	b.t.Helper()
	r := b.approve(b.start(""), adele).Request()
	r.Header.Set("Patience", patience)
	return b.Send(r)
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
		if a := b.Get("/token"); a.Text != adele {
			t.Errorf("a renewal: %d %s", a.StatusCode, a.Text)
		}
	})
}

// The library's own limits for a sign-in, a renewal and the app's own tokens still apply.
func TestEntra_CallsThatRunIntoTheLimitPauseEntra(t *testing.T) {
	for name, fail := range map[string]func(*testing.T, *site, *browser){
		"sign-ins": func(_ *testing.T, s *site, _ *browser) { s.browser().signInWithin("1m") },
		"renewals": func(_ *testing.T, _ *site, b *browser) { b.Get("/token") },
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
					late.Send(late.approve(late.start(""), adele).Request())
					if s.idp.Count(entratest.Token) > n {
						break
					}
				}
				s.idp.ResetRequests()
				late := s.browser()
				began := time.Now()
				if a := late.Send(late.approve(late.start(""), adele).Request()); !isUnavailable(a) || time.Since(began) > time.Second {
					t.Errorf("status %d after %v", a.StatusCode, time.Since(began))
				}
				if n := s.idp.Count(entratest.Token); n != 0 {
					t.Errorf("%d calls of an Entra that does not answer", n)
				}
			})
		})
	}
}

func TestG16_OutageOfEntraIsFoundOutOnceForAllSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, newIDP(t))
		browsers := make([]*browser, 40)
		for i := range browsers {
			browsers[i] = s.browser()
			browsers[i].signIn(adele)
		}
		time.Sleep(2 * time.Hour)
		s.idp.Fault(entratest.Token, entratest.Fault{Status: 503, Body: "down"})
		s.idp.ResetRequests()
		for range 60 { // seconds
			for _, b := range browsers {
				if a := b.Get("/token"); a.StatusCode != http.StatusServiceUnavailable || a.Header.Get("Retry-After") == "" {
					t.Fatalf("%d %s", a.StatusCode, a.Text)
				}
			}
			time.Sleep(time.Second)
		}
		// Ten failures, and then one call every five seconds. Without the pause it would be 480.
		if n := s.idp.Count(entratest.Token); n < 15 || n > 25 {
			t.Errorf("%d token calls in a minute", n)
		}
		s.idp.ClearFaults()
		time.Sleep(6 * time.Second)
		for _, b := range browsers {
			if a := b.Get("/token"); a.Text != adele {
				t.Errorf("after the outage: %d %s", a.StatusCode, a.Text)
			}
		}
	})
}

type panicsOnce struct {
	next http.RoundTripper
	now  bool
}

func (p *panicsOnce) RoundTrip(r *http.Request) (*http.Response, error) {
	if p.now && r.Method == http.MethodPost {
		p.now = false
		panic("the app's own transport")
	}
	return p.next.RoundTrip(r)
}

func TestEntra_LimitOfCallsOutlivesAPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		idp := newIDP(t)
		transport := &panicsOnce{next: idp.HTTPClient.Transport}
		s := newSite(t, idp, func(cfg *fibermsal.Config) { cfg.HTTPClient = &http.Client{Transport: transport} })
		var all []*browser
		for range 12 {
			b := s.browser()
			b.signIn(adele)
			all = append(all, b)
		}
		time.Sleep(2 * time.Hour)
		idp.Fault(entratest.Token, entratest.Fault{Times: 10, Status: 503, Body: "down"})
		for _, b := range all[:10] {
			b.Get("/token")
		}
		time.Sleep(6 * time.Second)
		transport.now = true
		all[10].Get("/token") // the one that finds out panics
		time.Sleep(time.Hour)
		if a := all[11].Get("/token"); a.Text != adele {
			t.Errorf("an hour later: %d %s", a.StatusCode, a.Text)
		}
	})
}

func TestEntra_ThrottlingOfOneUserStopsNobodyElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, newIDP(t))
		var theirs []*browser
		for range 10 {
			b := s.browser()
			b.signIn(adele)
			theirs = append(theirs, b)
		}
		other := s.browser()
		other.signIn(alex)
		time.Sleep(2 * time.Hour)
		s.idp.Fault(entratest.Token, entratest.Fault{Times: 10, Status: 429, Header: http.Header{"Retry-After": {"60"}}, Body: `{"error":"temporarily_unavailable","error_codes":[50196]}`})
		for _, b := range theirs {
			b.Get("/token")
		}
		if a := other.Get("/token"); a.Text != alex {
			t.Errorf("%d %s", a.StatusCode, a.Text)
		}
	})
}
