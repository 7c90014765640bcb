package fibermsal_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
)

func TestClouds_AuthorityGraphAndScopesFollow(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		login, graph string
		byAuthority  bool
		cloud        fibermsal.Cloud
	}{
		"public by default":            {"login.microsoftonline.com", "graph.microsoft.com", false, ""},
		"public":                       {"login.microsoftonline.com", "graph.microsoft.com", false, fibermsal.PublicCloud},
		"US government":                {"login.microsoftonline.us", "graph.microsoft.us", false, fibermsal.USGovernmentCloud},
		"US government by authority":   {"login.microsoftonline.us", "graph.microsoft.us", true, ""},
		"DoD":                          {"login.microsoftonline.us", "dod-graph.microsoft.us", false, fibermsal.USDoDCloud},
		"DoD with its authority":       {"login.microsoftonline.us", "dod-graph.microsoft.us", true, fibermsal.USDoDCloud},
		"China":                        {"login.partner.microsoftonline.cn", "microsoftgraph.chinacloudapi.cn", false, fibermsal.ChinaCloud},
		"China by authority":           {"login.partner.microsoftonline.cn", "microsoftgraph.chinacloudapi.cn", true, ""},
		"Bleu":                         {"login.sovcloud-identity.fr", "graph.svc.sovcloud.fr", false, fibermsal.BleuCloud},
		"Bleu by authority":            {"login.sovcloud-identity.fr", "graph.svc.sovcloud.fr", true, ""},
		"Delos":                        {"login.sovcloud-identity.de", "graph.svc.sovcloud.de", false, fibermsal.DelosCloud},
		"Delos by authority":           {"login.sovcloud-identity.de", "graph.svc.sovcloud.de", true, ""},
		"GovSG":                        {"login.sovcloud-identity.sg", "graph.svc.sovcloud.sg", false, fibermsal.GovSGCloud},
		"GovSG by authority":           {"login.sovcloud-identity.sg", "graph.svc.sovcloud.sg", true, ""},
		"public by authority, spelled": {"login.microsoftonline.com", "graph.microsoft.com", true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			idp := newIDP(t, entratest.WithHosts(row.login, row.graph))
			s := newSite(t, idp, func(cfg *fibermsal.Config) {
				cfg.GraphURL, cfg.Cloud = "", row.cloud
				if !row.byAuthority {
					cfg.Authority, cfg.TenantID = "", idp.TenantID
				}
			})
			s.app.Get("/full", func(c *fiber.Ctx) error {
				_, err := fibermsal.TokenCredential(c).GetToken(c.UserContext(), policy.TokenRequestOptions{Scopes: []string{"https://" + row.graph + "/User.Read"}})
				return err
			})
			b := s.browser()
			authorizeURL := b.start("")
			if u, err := url.Parse(authorizeURL); err != nil || u.Host != row.login {
				t.Errorf("people are sent to %v", u)
			}
			b.Send(b.approve(authorizeURL, adele).Request())
			calls := idp.Count(entratest.Token)
			if b.user() != adele || b.Get("/token").Text != adele {
				t.Errorf("%q is signed in\n%s", b.user(), s.log)
			}
			if a := b.Get("/full"); a.StatusCode != http.StatusOK || idp.Count(entratest.Token) != calls {
				t.Errorf("the scope with Graph's address: %d, %d more token calls", a.StatusCode, idp.Count(entratest.Token)-calls)
			}
		})
	}
}

func TestClouds_AdminConsentURL(t *testing.T) {
	t.Parallel()
	idp := newIDP(t)
	cfg := configFor(idp)
	cfg.Scopes = []string{"User.Read", "GroupMember.Read.All", otherAPI}
	a, err := fibermsal.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := a.AdminConsentURL(idp.TenantID, publicURL+"/consented")
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	if u.Scheme != "https" || u.Host != "login.entra.test" || u.Path != "/"+idp.TenantID+"/v2.0/adminconsent" || q.Get("client_id") != idp.ClientID ||
		q.Get("redirect_uri") != publicURL+"/consented" || q.Get("scope") != "https://graph.microsoft.com/User.Read https://graph.microsoft.com/GroupMember.Read.All "+otherAPI {
		t.Errorf("%s", raw)
	}
	for name, row := range map[string][2]string{
		"tenant with a path": {"../evil", publicURL}, "no tenant": {"", publicURL},
		"no way back": {"contoso.com", ""}, "plain http": {"contoso.com", "http://evil.example"},
	} {
		if got, err := a.AdminConsentURL(row[0], row[1]); err == nil {
			t.Errorf("%s: %s", name, got)
		}
	}
}
