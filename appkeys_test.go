package fibermsal_test

import (
	"strings"
	"testing"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
)

// An app with a claims mapping policy, or with SAML single sign-on, has signing keys of its own, which
// Entra publishes only to requests that name the app.
func TestB2_KeysOfTheAppsOwnAreFound(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*fibermsal.Config){
		"a tenant":     func(*fibermsal.Config) {},
		"many tenants": ofMany,
		"client ID in capitals": func(cfg *fibermsal.Config) {
			cfg.ClientID = strings.ToUpper(cfg.ClientID)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			idp := newIDP(t)
			idp.UseAppSigningKey()
			s := newSite(t, idp, change)
			s.browser().signIn(adele)
			for _, endpoint := range []entratest.Endpoint{entratest.Discovery, entratest.Keys} {
				for _, r := range idp.Requests(endpoint) {
					if got := r.Form.Get("appid"); got != idp.ClientID {
						t.Errorf("%s is asked for the app %q", endpoint, got)
					}
				}
				if n := idp.Count(endpoint); n != 1 {
					t.Errorf("%s: %d calls", endpoint, n)
				}
			}
		})
	}
}

// ofMany lets the users of one tenant sign in through the authority of many.
func ofMany(cfg *fibermsal.Config) {
	tenant := cfg.Authority[strings.LastIndexByte(cfg.Authority, '/')+1:]
	cfg.Authority = strings.Replace(cfg.Authority, tenant, "organizations", 1)
	cfg.AllowedTenants = []string{tenant}
}

func TestB2_AKeyOfTheAppsOwnThatComesLaterIsFound(t *testing.T) {
	t.Parallel()
	s := newSite(t, newIDP(t))
	b := s.browser()
	b.signIn(adele)
	s.idp.UseAppSigningKey()
	s.browser().signIn(alex)
	if n := s.idp.Count(entratest.Discovery); n != 1 {
		t.Errorf("%d discovery calls", n)
	}
}

// Entra writes the IDs in its tokens in lower case, even if the configured IDs are in upper case.
func TestConfig_IDsInCapitalsWork(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*fibermsal.Config){
		"client": func(cfg *fibermsal.Config) { cfg.ClientID = strings.ToUpper(cfg.ClientID) },
		"tenant": inCapitals,
		"both":   func(cfg *fibermsal.Config) { inCapitals(cfg); cfg.ClientID = strings.ToUpper(cfg.ClientID) },
		"host": func(cfg *fibermsal.Config) {
			cfg.Authority = strings.Replace(cfg.Authority, "login.entra", "Login.Entra", 1)
		},
		"of a list": func(cfg *fibermsal.Config) {
			ofMany(cfg)
			cfg.AllowedTenants[0] = strings.ToUpper(cfg.AllowedTenants[0])
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, newIDP(t), change)
			b := s.browser()
			b.signIn(adele)
			calls := s.idp.Count(entratest.Token)
			if b.user() != adele || b.Get("/token").Text != adele || s.idp.Count(entratest.Token) != calls {
				t.Errorf("%q, %d more token calls\n%s", b.user(), s.idp.Count(entratest.Token)-calls, s.log)
			}
			if _, err := s.auth.AppCredential().GetToken(t.Context(), tokenRequest()); err != nil && name != "of a list" {
				t.Errorf("the app's own token: %v", err)
			}
		})
	}
}

// inCapitals writes the tenant's ID in the authority in capitals.
func inCapitals(cfg *fibermsal.Config) {
	i := strings.LastIndexByte(cfg.Authority, '/')
	cfg.Authority = cfg.Authority[:i] + strings.ToUpper(cfg.Authority[i:])
}
