package fibermsal_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
)

// strangers are users of another organization and users with personal accounts.
func strangers() []entratest.Option {
	user := func(n, upn string) entratest.User {
		return entratest.User{ID: "22222222-0000-0000-0000-00000000000" + n, UPN: upn, DisplayName: "Stranger " + n}
	}
	return []entratest.Option{
		entratest.WithExtraTenant(otherTenant, user("1", "bob@fabrikam.example")),
		entratest.WithExtraTenant(consumersTenant, user("2", "bob@outlook.example")),
	}
}

// Entra has no tokens of version 1 for personal accounts. The library checks the issuers of all tenants
// against its configuration.
func TestAPI_TenantsThatMayCallAreThoseThatMaySignIn(t *testing.T) {
	t.Parallel()
	const unlisted = "33333333-2222-3333-4444-555555555555"
	for name, row := range map[string]struct {
		authority                    string
		change                       func(*fibermsal.Config)
		own, organization, personals bool
	}{
		"one tenant":              {"", nil, true, false, false},
		"its domain":              {"contoso.com", nil, true, false, false},
		"a list":                  {"organizations", func(c *fibermsal.Config) { c.AllowedTenants = []string{otherTenant} }, false, true, false},
		"a list of others":        {"organizations", func(c *fibermsal.Config) { c.AllowedTenants = []string{unlisted} }, false, false, false},
		"a list in common":        {"common", func(c *fibermsal.Config) { c.AllowedTenants = []string{otherTenant, consumersTenant} }, false, true, true},
		"any tenant":              {"organizations", func(c *fibermsal.Config) { c.AnyTenantMaySignIn = true }, true, true, false},
		"any tenant and personal": {"common", func(c *fibermsal.Config) { c.AnyTenantMaySignIn, c.PersonalAccountsMaySignIn = true, true }, true, true, true},
		"only personal":           {"consumers", func(c *fibermsal.Config) { c.PersonalAccountsMaySignIn = true }, false, false, true},
	} {
		for _, version := range []int{1, 2} {
			if version == 1 && strings.Contains(name, "personal") || name == "a list in common" && version == 1 {
				continue
			}
			t.Run(fmt.Sprint(name, ", version ", version), func(t *testing.T) {
				t.Parallel()
				idp := newIDP(t, append(strangers(), entratest.WithAPI(ownAPI(version)))...)
				s := newAPI(t, idp, func(cfg *fibermsal.Config) {
					if row.authority != "" {
						cfg.Authority = strings.Replace(idp.Authority, idp.TenantID, row.authority, 1)
					}
					if row.change != nil {
						row.change(cfg)
					}
				})
				for range 2 { // before and after the tenant of a domain is known
					for login, accept := range map[string]bool{adele: row.own, "bob@fabrikam.example": row.organization, "bob@outlook.example": row.personals} {
						a := s.call("/api/me", idp.Issue(login, apiScope))
						if (a.StatusCode == http.StatusOK) != accept || !accept && a.StatusCode != http.StatusUnauthorized {
							t.Errorf("%s: %d %s\n%s", login, a.StatusCode, a.Text, s.log)
						}
					}
				}
			})
		}
	}
}

// The tenant must always be a GUID in lower case, because it is part of the user's identity.
func TestAPI_EveryTenantHasAnID(t *testing.T) {
	t.Parallel()
	for _, version := range []int{1, 2} {
		idp := newIDP(t, entratest.WithAPI(ownAPI(version)))
		s := newAPI(t, idp, func(cfg *fibermsal.Config) {
			cfg.Authority, cfg.AnyTenantMaySignIn = strings.Replace(idp.Authority, idp.TenantID, "organizations", 1), true
		})
		for tenant, want := range map[string]int{
			idp.TenantID: 200, otherTenant: 200, "": 401, "{tenantid}": 401, "contoso.com": 401, "organizations": 401, consumersTenant: 401,
			strings.ToUpper(idp.TenantID): 401, idp.TenantID + "/": 401, idp.TenantID[1:]: 401, "../" + idp.TenantID: 401,
		} {
			idp.TamperAccessToken(func(a *entratest.AccessToken) { moveTo(a.Claims, tenant) })
			if a := s.call("/api/me", idp.Issue(adele, apiScope)); a.StatusCode != want {
				t.Errorf("version %d, %q: %d %s", version, tenant, a.StatusCode, a.Text)
			}
		}
	}
}

// The first token of all is of another tenant, while the tenant of the domain is not known yet.
func TestAPI_ADomainAdmitsNoOtherTenantBeforeItIsKnown(t *testing.T) {
	t.Parallel()
	for _, version := range []int{1, 2} {
		idp := newIDP(t, append(strangers(), entratest.WithAPI(ownAPI(version)))...)
		s := newAPI(t, idp, func(cfg *fibermsal.Config) {
			cfg.Authority = strings.Replace(idp.Authority, idp.TenantID, "contoso.com", 1)
		})
		if a := s.call("/api/me", idp.Issue("bob@fabrikam.example", apiScope)); a.StatusCode != http.StatusUnauthorized {
			t.Errorf("version %d: %d %s", version, a.StatusCode, a.Text)
		}
		if a := s.call("/api/me", idp.Issue(adele, apiScope)); a.StatusCode != http.StatusOK {
			t.Errorf("version %d: %d %s", version, a.StatusCode, a.Text)
		}
	}
}

func TestAPI_TokensOfOtherCloudsAreRefused(t *testing.T) {
	t.Parallel()
	clouds := []entratest.Cloud{entratest.PublicCloud, entratest.USGovernmentCloud, entratest.ChinaCloud, entratest.BleuCloud}
	for _, version := range []int{1, 2} {
		var idps []*entratest.Server
		for _, cloud := range clouds {
			idps = append(idps, newIDP(t, entratest.WithCloud(cloud), entratest.WithAPI(ownAPI(version))))
		}
		for i, cloud := range clouds {
			s := newAPI(t, idps[i], func(cfg *fibermsal.Config) {
				cfg.Authority, cfg.GraphURL, cfg.TenantID, cfg.Cloud = "", "", idps[i].TenantID, fibermsal.Cloud(cloud)
			})
			for j, from := range clouds {
				raw := idps[j].Issue(adele, apiScope)
				if a := s.call("/api/me", raw); (a.StatusCode == http.StatusOK) != (i == j) {
					t.Errorf("version %d, %s: of %s: %d %s\n%s", version, cloud, from, a.StatusCode, a.Text, s.log)
				}
			}
		}
	}
}

// External ID issues tokens of version 2 with an issuer of another host.
func TestAPI_TokensOfExternalID(t *testing.T) {
	t.Parallel()
	for name, host := range map[string]string{"its own host": "contoso.ciamlogin.com", "a custom domain": "login.contoso.example"} {
		idp := newIDP(t, entratest.WithHosts(host, "graph.entra.test"), entratest.WithExternalID(), entratest.WithAPI(ownAPI(2)))
		s := newAPI(t, idp)
		if a := s.call("/api/me", idp.Issue(adele, apiScope)); a.StatusCode != http.StatusOK {
			t.Errorf("%s: %d %s\n%s", name, a.StatusCode, a.Text, s.log)
		}
		idp.TamperAccessToken(claim("iss", idp.Authority+"/v2.0"))
		if a := s.call("/api/me", idp.Issue(adele, apiScope)); a.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s, the issuer of the host: %d", name, a.StatusCode)
		}
	}
}

func TestAudiences_AreAcceptedWithAndWithoutASlash(t *testing.T) {
	t.Parallel()
	const uri = "https://api.example.com/orders"
	for _, version := range []int{1, 2} {
		for _, configured := range []string{uri, uri + "/"} {
			idp := newIDP(t, entratest.WithAPI(ownAPI(version)))
			s := newAPI(t, idp, func(cfg *fibermsal.Config) { cfg.Audiences = []string{"api://else", configured} })
			for aud, accept := range map[string]bool{
				uri: true, uri + "/": true, uri + "//": false, uri + "/x": false, "https://api.example.com": false, "api://else": true,
				"api://else/": true, "https://API.example.com/orders": false, "": false, "/": false,
			} {
				idp.TamperAccessToken(claim("aud", aud))
				if a := s.call("/api/me", idp.Issue(adele, apiScope)); (a.StatusCode == http.StatusOK) != accept {
					t.Errorf("version %d, configured %s: %q: %d %s", version, configured, aud, a.StatusCode, a.Text)
				}
			}
			idp.TamperAccessToken(nil)
			if a := s.call("/api/me", idp.Issue(adele, apiScope)); a.StatusCode != http.StatusOK {
				t.Errorf("version %d: the default: %d", version, a.StatusCode)
			}
		}
	}
}

// The App ID URI of one API may begin with that of another.
func TestAudiences_ScopesBelongToTheLongest(t *testing.T) {
	t.Parallel()
	const uri = "https://api.example.com/orders"
	idp := newIDP(t, entratest.WithAPI(ownAPI(2)))
	s := newAPI(t, idp, func(cfg *fibermsal.Config) { cfg.Audiences = []string{"https://api.example.com", uri} })
	s.app.Get("/api/orders", fibermsal.RequireToken(fibermsal.HasScope(uri+"/access_as_user")), func(*fiber.Ctx) error { return nil })
	if a := s.call("/api/orders", idp.Issue(adele, apiScope)); a.StatusCode != http.StatusOK {
		t.Errorf("%d %s", a.StatusCode, a.Text)
	}
}
