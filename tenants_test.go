package fibermsal_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/internal/redistest"
)

func TestB4_IssuerAndTenant(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		reason string
		tamper func(claims map[string]any)
	}{
		"another tenant":            {"tenant_not_allowed", func(c map[string]any) { moveTo(c, otherTenant) }},
		"personal accounts":         {"tenant_not_allowed", func(c map[string]any) { moveTo(c, consumersTenant) }},
		"issuer of one, tid of two": {"tenant_not_allowed", func(c map[string]any) { c["tid"] = otherTenant }},
		"tid of one, issuer of two": {"id_token_issuer", func(c map[string]any) { tid := c["tid"]; moveTo(c, otherTenant); c["tid"] = tid }},
		"version 1 issuer":          {"id_token_issuer", func(c map[string]any) { c["iss"] = "https://sts.windows.net/" + str(c["tid"]) + "/" }},
		"one more slash":            {"id_token_issuer", func(c map[string]any) { c["iss"] = str(c["iss"]) + "/" }},
		"upper case":                {"id_token_issuer", func(c map[string]any) { c["iss"] = strings.ToUpper(str(c["iss"])) }},
		"no issuer":                 {"id_token_issuer", func(c map[string]any) { delete(c, "iss") }},
		"another host":              {"id_token_issuer", func(c map[string]any) { c["iss"] = "https://evil.example/" + str(c["tid"]) + "/v2.0" }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rejectTampered(t, http.StatusForbidden, row.reason, func(token *entratest.IDToken) { row.tamper(token.Claims) })
		})
	}
}

func moveTo(claims map[string]any, tenant string) {
	claims["iss"] = strings.ReplaceAll(str(claims["iss"]), str(claims["tid"]), tenant)
	claims["tid"] = tenant
}

func str(v any) string {
	s, _ := v.(string)
	return s
}

func TestB4_ManyTenantsOnlyByList(t *testing.T) {
	t.Parallel()
	bob := entratest.User{ID: "22222222-0000-0000-0000-000000000001", UPN: "bob@fabrikam.example", DisplayName: "Bob", Mail: "bob@fabrikam.example"}
	for name, row := range map[string]struct {
		allowed []string
		accept  bool
	}{
		"listed":     {[]string{otherTenant}, true},
		"not listed": {[]string{"33333333-2222-3333-4444-555555555555"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			idp := newIDP(t, entratest.WithExtraTenant(otherTenant, bob))
			b := newSite(t, idp, func(cfg *fibermsal.Config) {
				cfg.Authority = strings.Replace(idp.Authority, idp.TenantID, "organizations", 1)
				cfg.AllowedTenants = row.allowed
			}).browser()
			a := b.Send(b.approve(b.start(""), bob.UPN).Request())
			if got := a.StatusCode == http.StatusSeeOther; got != row.accept {
				t.Fatalf("accepted: %v, status %d\n%s", got, a.StatusCode, b.log)
			}
			if row.accept && (b.user() != bob.UPN || b.Get("/user/info").JSON(t)["tid"] != otherTenant) {
				t.Errorf("info: %s", b.Get("/user/info").Text)
			}
			if row.accept && b.Get("/token").Text != bob.UPN {
				t.Errorf("token: %s\n%s", b.Get("/token").Text, b.log)
			}
		})
	}
}

func TestB4_AnyTenantOnlyByThatName(t *testing.T) {
	t.Parallel()
	bob := entratest.User{ID: "22222222-0000-0000-0000-000000000001", UPN: "bob@fabrikam.example", DisplayName: "Bob"}
	for name, row := range map[string]struct {
		tenant string
		accept bool
	}{
		"an organization":    {otherTenant, true},
		"a personal account": {"9188040d-6c67-4c5b-b112-36a304b66dad", false},
	} {
		idp := newIDP(t, entratest.WithExtraTenant(row.tenant, bob))
		b := newSite(t, idp, func(cfg *fibermsal.Config) {
			cfg.Authority = strings.Replace(idp.Authority, idp.TenantID, "common", 1)
			cfg.AnyTenantMaySignIn = true
		}).browser()
		response := b.approve(b.start(""), bob.UPN)
		response.Values.Set("iss", strings.Replace(idp.Authority, idp.TenantID, row.tenant, 1)+"/v2.0")
		a := b.Send(response.Request())
		if got := a.StatusCode == http.StatusSeeOther; got != row.accept {
			t.Errorf("%s: accepted: %v, status %d\n%s", name, got, a.StatusCode, b.log)
		}
		if row.accept && b.Get("/token").Text != bob.UPN {
			t.Errorf("%s: token of %q", name, b.Get("/token").Text)
		}
	}
}

func TestB4_PersonalAccountsOnlyByThatName(t *testing.T) {
	t.Parallel()
	const consumers = "9188040d-6c67-4c5b-b112-36a304b66dad"
	bob := entratest.User{ID: "22222222-0000-0000-0000-000000000001", UPN: "bob@outlook.example", DisplayName: "Bob"}
	for name, row := range map[string]struct {
		authority string
		change    func(*fibermsal.Config)
		home      string
		accept    bool
	}{
		"any tenant":              {"common", func(cfg *fibermsal.Config) { cfg.AnyTenantMaySignIn = true }, consumers, false},
		"any tenant and personal": {"common", func(cfg *fibermsal.Config) { cfg.AnyTenantMaySignIn, cfg.PersonalAccountsMaySignIn = true, true }, consumers, true},
		"and an organization":     {"common", func(cfg *fibermsal.Config) { cfg.AnyTenantMaySignIn, cfg.PersonalAccountsMaySignIn = true, true }, otherTenant, true},
		"a list":                  {"common", func(cfg *fibermsal.Config) { cfg.AllowedTenants = []string{otherTenant} }, consumers, false},
		"a list and personal": {"common", func(cfg *fibermsal.Config) {
			cfg.AllowedTenants, cfg.PersonalAccountsMaySignIn = []string{otherTenant}, true
		}, consumers, true},
		"a list of others": {"common", func(cfg *fibermsal.Config) {
			cfg.AllowedTenants, cfg.PersonalAccountsMaySignIn = []string{"33333333-2222-3333-4444-555555555555"}, true
		}, otherTenant, false},
		"only personal":        {"consumers", func(cfg *fibermsal.Config) { cfg.PersonalAccountsMaySignIn = true }, consumers, true},
		"personal by the list": {"common", func(cfg *fibermsal.Config) { cfg.AllowedTenants = []string{consumers} }, consumers, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			idp := newIDP(t, entratest.WithExtraTenant(row.home, bob))
			b := newSite(t, idp, func(cfg *fibermsal.Config) {
				cfg.Authority = strings.Replace(idp.Authority, idp.TenantID, row.authority, 1)
				row.change(cfg)
			}).browser()
			a := b.Send(b.approve(b.start(""), bob.UPN).Request())
			if got := a.StatusCode == http.StatusSeeOther; got != row.accept {
				t.Fatalf("accepted: %v, status %d\n%s", got, a.StatusCode, b.log)
			}
			if row.accept && (b.Get("/user/info").JSON(t)["tid"] != row.home || b.Get("/token").Text != bob.UPN) {
				t.Errorf("%s, token of %q\n%s", b.Get("/user/info").Text, b.Get("/token").Text, b.log)
			}
		})
	}
}

func TestB4_ATenantThatMayNoLongerSignInIsSignedOut(t *testing.T) {
	t.Parallel()
	bob := person(1, "bob@fabrikam.example")
	server := redistest.Start(t)
	idp := newIDP(t, withMail(), entratest.WithExtraTenant(otherTenant, bob))
	many := strings.Replace(idp.Authority, idp.TenantID, "organizations", 1)
	open := func(change func(*fibermsal.Config)) *site { return newSite(t, idp, on(t, server), change) }
	both := open(func(cfg *fibermsal.Config) {
		cfg.Authority, cfg.AllowedTenants = many, []string{idp.TenantID, otherTenant}
	})
	b, stays := both.browser(), both.browser()
	b.signIn(bob.UPN)
	stays.signIn(adele)
	for name, s := range map[string]*site{
		"removed":    open(func(cfg *fibermsal.Config) { cfg.Authority, cfg.AllowedTenants = many, []string{idp.TenantID} }),
		"one tenant": open(func(*fibermsal.Config) {}),
	} {
		for _, path := range []string{"/guarded", "/token"} {
			for range 2 {
				r := request(http.MethodGet, path, "")
				r.AddCookie(b.Jar[sessionCookie])
				if a := s.send(r); a.StatusCode != http.StatusUnauthorized {
					t.Errorf("%s, %s: status %d %s", name, path, a.StatusCode, a.Text)
				}
			}
		}
		if n := strings.Count(s.log.String(), "tenant_not_allowed"); n != 1 {
			t.Errorf("%s: audited %d times", name, n)
		}
		if u, err := s.auth.UserByID(t.Context(), otherTenant, bob.ID); !errors.Is(err, fibermsal.ErrNotSignedIn) {
			t.Errorf("%s, a worker: %v, %v", name, u, err)
		}
		r := request(http.MethodGet, "/guarded", "")
		r.AddCookie(stays.Jar[sessionCookie])
		if a := s.send(r); a.StatusCode != http.StatusOK {
			t.Errorf("%s: the other tenant: %d", name, a.StatusCode)
		}
		if n := len(collect(t, s.auth, fibermsal.SessionFilter{TenantID: otherTenant})); n != 1 {
			t.Errorf("%s: %d sessions are there to be ended", name, n)
		}
	}
	open(func(cfg *fibermsal.Config) { cfg.Authority, cfg.AnyTenantMaySignIn = many, true })
	if b.user() != bob.UPN {
		t.Error("the instance that allows the tenant refuses it")
	}
}
