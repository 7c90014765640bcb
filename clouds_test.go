package fibermsal_test

import (
	"net/http"
	"net/url"
	"strings"
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
			b.do(b.approve(authorizeURL, adele).Request())
			calls := idp.Count(entratest.Token)
			if b.user() != adele || b.get("/token").body != adele {
				t.Errorf("%q is signed in\n%s", b.user(), s.log)
			}
			if a := b.get("/full"); a.StatusCode != http.StatusOK || idp.Count(entratest.Token) != calls {
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
		a := b.do(response.Request())
		if got := a.StatusCode == http.StatusSeeOther; got != row.accept {
			t.Errorf("%s: accepted: %v, status %d\n%s", name, got, a.StatusCode, b.log)
		}
		if row.accept && b.get("/token").body != bob.UPN {
			t.Errorf("%s: token of %q", name, b.get("/token").body)
		}
	}
}

func TestPages_AreTheAppsIfItWants(t *testing.T) {
	t.Parallel()
	drawn := map[string]fibermsal.Page{}
	s := newInteractiveSite(t, newIDP(t), func(cfg *fibermsal.Config) {
		cfg.Pages = func(c *fiber.Ctx, p fibermsal.Page) error {
			drawn[p.Code] = p
			return c.Type("html").SendString("<p>ours: " + p.Code)
		}
	})
	b := s.browser()
	for code, row := range map[string]struct {
		request *http.Request
		status  int
	}{
		"confirm_sign_out": {crossSite(navigation(http.MethodGet, "/user/logout")), 200},
		"forbidden":        {navigation(http.MethodGet, "/own"), 403},
		"login_required":   {navigation(http.MethodPost, "/signed-in"), 401},
		"sign_in_rejected": {navigation(http.MethodGet, "/user/authorized"), 405},
	} {
		a := b.do(row.request)
		if a.StatusCode != row.status || a.body != "<p>ours: "+code || a.Header.Get("X-Frame-Options") != "DENY" || a.Header.Get("Content-Security-Policy") != "" {
			t.Errorf("%s: %d %s %v", code, a.StatusCode, a.body, a.Header)
		}
		p := drawn[code]
		if question := code == "confirm_sign_out"; question != (p.SignOutURL == "/user/logout") || question != (p.SignOutOrigin == "https://login.entra.test") ||
			question != (p.CorrelationID == "") || question != (p.SignInURL == "") || p.Message == "" || p.HomeURL != "/" || p.Status != row.status {
			t.Errorf("%s: %+v", code, p)
		}
	}
}

func crossSite(r *http.Request) *http.Request {
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	return r
}

func TestErrors_TellTheAdministratorWhatToDo(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		fault  entratest.Fault
		advice string
	}{
		"wrong secret":   {entratest.Fault{Status: 401, OAuth: &entratest.OAuthError{Error: "invalid_client", Codes: []int{7000215}}}, "not its Secret ID"},
		"expired secret": {entratest.Fault{Status: 401, OAuth: &entratest.OAuthError{Error: "invalid_client", Codes: []int{7000222}}}, "PreviousSecrets"},
		"not in tenant":  {entratest.Fault{OAuth: &entratest.OAuthError{Error: "unauthorized_client", Codes: []int{700016}}}, "check ClientID and TenantID"},
		"used twice":     {entratest.Fault{OAuth: &entratest.OAuthError{Error: "invalid_grant", Codes: []int{54005}}}, "redeemed before"},
	} {
		s := newSite(t, newIDP(t))
		s.idp.Fault(entratest.Token, row.fault)
		b := s.browser()
		a := b.do(b.approve(b.start(""), adele).Request())
		if log := s.log.String(); !strings.Contains(log, `"advice":"`) || !strings.Contains(log, row.advice) {
			t.Errorf("%s: %s", name, log)
		}
		_, after, _ := strings.Cut(a.body, "<code>")
		reference, _, _ := strings.Cut(after, "</code>")
		if strings.Contains(a.body, row.advice) || strings.Contains(a.body, "AADSTS") || reference == "" || !strings.Contains(s.log.String(), reference) {
			t.Errorf("%s: the user reads %s", name, a.body)
		}
	}
	b := newSite(t, newIDP(t)).browser()
	response, err := b.idp.Decline(b.start(""), adele)
	if err != nil {
		t.Fatal(err)
	}
	b.do(response.Request())
	if !strings.Contains(b.log.String(), "the user declined the consent") {
		t.Errorf("declined: %s", b.log)
	}
}
