package fibermsal_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/cache"
	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/internal/figure"
)

const ordersAPI = "api://orders/Read"

// strictSite is a site whose authority accepts each refresh token only once. In addition to /token it
// has /orders for a token of another API, and /own for a token of the app's own MSAL client.
func strictSite(t *testing.T, idp *entratest.Server, l *ledger) *site {
	t.Helper()
	s := newSite(t, idp, onLedger(l), func(cfg *fibermsal.Config) {
		cfg.IdleTimeout, cfg.AbsoluteTimeout = 48*time.Hour, 48*time.Hour
	})
	s.app.Get("/orders", func(c *fiber.Ctx) error {
		token, err := fibermsal.TokenCredential(c).GetToken(c.UserContext(), policy.TokenRequestOptions{Scopes: []string{ordersAPI}})
		if err != nil {
			return err
		}
		owner, _ := idp.TokenUser(token.Token)
		return c.SendString(owner)
	})
	s.app.Get("/own", func(c *fiber.Ctx) error {
		token, err := byOwnClient(c, idp, ordersAPI)
		if err != nil {
			return err
		}
		owner, _ := idp.TokenUser(token.AccessToken)
		return c.SendString(owner)
	})
	return s
}

// expired signs a user in and lets the access token expire.
func expired(t *testing.T) (*ledger, *browser) {
	t.Helper()
	l, idp := newLedger(), newIDP(t, entratest.WithOneTimeRefreshTokens(), entratest.WithScopes(ordersAPI))
	idp.GrantAdminConsent(ordersAPI)
	b := strictSite(t, idp, l).browser()
	b.signIn(adele)
	time.Sleep(6 * time.Hour)
	b.user() // prolongs the session
	return l, b
}

// serves requests tokens one after the other.
func (b *browser) serves(paths ...string) {
	b.t.Helper()
	for _, path := range paths {
		if a := b.Get(path); a.Text != adele {
			b.t.Errorf("%s: %d %s\n%s", path, a.StatusCode, a.Text, b.log)
		}
	}
}

func TestG14_WhatCouldNotBeStoredIsWhatTheNextRenewalStartsFrom(t *testing.T) {
	for name, next := range map[string]func(*browser, *ledger){
		"another API": func(b *browser, _ *ledger) { b.serves("/orders") },
		"a client of the app, just before it is stored": func(b *browser, l *ledger) {
			l.fail(false, false)
			b.serves("/own")
		},
		"the next hours": func(b *browser, _ *ledger) {
			for range 3 {
				time.Sleep(2 * time.Hour)
				b.serves("/token", "/orders")
			}
		},
		"nothing for a day": func(*browser, *ledger) { time.Sleep(24 * time.Hour) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l, b := expired(t)
				l.fail(false, true)
				b.serves("/token")
				next(b, l)
				l.fail(false, false)
				time.Sleep(10 * time.Second)
				b.site = strictSite(t, b.idp, l) // another instance has what was stored late
				time.Sleep(2 * time.Hour)
				b.serves("/token", "/orders")
			})
		})
	}
}

func TestD8_SignOutWinsOverTokensThatAreNotStoredYet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, b := expired(t)
		l.fail(false, true)
		b.serves("/token")
		b.Send(request(http.MethodPost, "/user/logout", ""))
		l.fail(false, false)
		time.Sleep(time.Minute)
		if b.user() != "" || len(l.keys()) != 0 {
			t.Errorf("came back: %v", l.keys())
		}
	})
}

// The app's own MSAL client may have read the tokens before new ones arrived that could not be stored,
// and may write after Redis has recovered. The tokens of both must be kept.
func TestG14_WhatWasReadBeforeDoesNotReplaceWhatWaits(t *testing.T) {
	for name, unverified := range map[string]bool{"verified": false, "unverified": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l, b := expired(t)
				var accessor *fibermsal.CacheAccessor
				b.app.Get("/accessor", func(c *fiber.Ctx) (err error) {
					accessor, err = fibermsal.NewCacheAccessor(c)
					return err
				})
				b.Get("/accessor")
				early := &heldCache{}
				if err := accessor.Replace(t.Context(), early, cache.ReplaceHints{}); err != nil {
					t.Fatal(err)
				}
				if unverified {
					b.idp.RotateKeys()
					b.idp.Fault(entratest.Keys, entratest.Fault{Status: http.StatusServiceUnavailable})
					b.Get("/token")
				} else {
					l.fail(false, true)
					b.serves("/token")
					l.fail(false, false)
				}
				if err := accessor.Export(t.Context(), early, cache.ExportHints{}); err != nil {
					t.Fatal(err)
				}
				b.idp.ClearFaults()
				time.Sleep(10 * time.Second)
				b.site = strictSite(t, b.idp, l) // another instance has what was stored
				time.Sleep(2 * time.Hour)
				b.serves("/token", "/orders")
			})
		})
	}
}

// heldCache is the cache of an MSAL client that has read and not yet written.
type heldCache struct{ content []byte }

func (h *heldCache) Unmarshal(content []byte) error { h.content = content; return nil }

func (h *heldCache) Marshal() ([]byte, error) { return h.content, nil }

const neverHadKeys = "an instance that never had them"

// keysGone are the ways in which the authority's keys are unavailable during a renewal.
var keysGone = map[string]func(*testing.T, *ledger, *browser){
	neverHadKeys: func(t *testing.T, l *ledger, b *browser) {
		t.Helper()
		b.site = strictSite(t, b.idp, l)
		b.idp.Fault(entratest.Keys, entratest.Fault{Status: http.StatusServiceUnavailable})
	},
	"new ones while they are out of reach": func(_ *testing.T, _ *ledger, b *browser) {
		b.idp.RotateKeys()
		b.idp.Fault(entratest.Keys, entratest.Fault{Status: http.StatusServiceUnavailable})
	},
}

func TestG14_KeysThatCannotBeHadCostNoRefreshToken(t *testing.T) {
	for name, begin := range keysGone {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l, b := expired(t)
				begin(t, l, b)
				b.idp.ResetRequests()
				for range 20 { // longer than the id_token lives
					for _, path := range []string{"/token", "/orders"} {
						if a := b.Get(path); !isUnavailable(a) {
							t.Errorf("%s: %d %s", path, a.StatusCode, a.Text)
						}
					}
					time.Sleep(10 * time.Minute)
				}
				most := 1 // whose tokens wait for the new keys
				if name == neverHadKeys {
					most = 0 // it must not spend the refresh token
				}
				if n := b.idp.Count(entratest.Token); n > most {
					t.Errorf("%d token calls for nothing", n)
				}
				b.idp.ClearFaults()
				time.Sleep(10 * time.Second)
				b.serves("/token", "/orders")
				time.Sleep(2 * time.Hour)
				b.site = strictSite(t, b.idp, l)
				b.serves("/token", "/orders")
			})
		})
	}
}

// Tokens that could not be verified when they arrived must not be used later either.
func TestB8_RefreshForAnotherUserEndsTheSessionWhenTheKeysAreBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, b := expired(t)
		other, _ := b.idp.User(alex)
		onRefresh(b.idp, func(token *entratest.IDToken) { token.Claims["oid"] = other.ID })
		keysGone["new ones while they are out of reach"](t, l, b)
		for range 3 {
			if a := b.Get("/token"); !isUnavailable(a) {
				t.Errorf("status %d %s", a.StatusCode, a.Text)
			}
			time.Sleep(10 * time.Second)
		}
		b.idp.ClearFaults()
		time.Sleep(10 * time.Second)
		if b.user() != "" || len(l.keys()) != 0 {
			t.Errorf("the session lives on: %v\n%s", l.keys(), b.log)
		}
	})
}

func TestG14_TokenObtainedWhileTheStorageFailsIsUsedAndStoredLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLedger()
		idp := newIDP(t, entratest.WithOneTimeRefreshTokens())
		b := newSite(t, idp, onLedger(l)).browser()
		b.signIn(adele)
		time.Sleep(2 * time.Hour)
		b.user() // prolongs the session
		l.fail(false, true)
		a := b.Get("/token")
		figure.Report(t, figure.Figure{Row: "R10", Name: "errors that a user sees when the tokens of a renewal cannot be stored", Value: unlessEqual(a.Text, adele)})
		if a.Text != adele {
			t.Fatalf("%d %s\n%s", a.StatusCode, a.Text, b.log)
		}
		time.Sleep(20 * time.Second)
		l.fail(false, false)
		time.Sleep(5 * time.Second)
		// Another instance finds the new refresh token. The old one is no longer valid.
		b.site = newSite(t, idp, onLedger(l))
		time.Sleep(2 * time.Hour)
		a = b.Get("/token")
		figure.Report(t, figure.Figure{Row: "R10", Name: "refresh tokens lost five seconds after the storage is back", Value: unlessEqual(a.Text, adele)})
		if a.Text != adele {
			t.Errorf("the new refresh token was lost: %d %s\n%s", a.StatusCode, a.Text, b.log)
		}
	})
}

// unlessEqual counts a difference, as a figure.
func unlessEqual(got, want string) string {
	if got == want {
		return "0"
	}
	return "1"
}
