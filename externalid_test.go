package fibermsal_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
)

// externalIDP is an emulated External ID tenant at a host.
func externalIDP(t *testing.T, host string) *entratest.Server {
	t.Helper()
	return newIDP(t, entratest.WithHosts(host, "graph.microsoft.com"), entratest.WithExternalID())
}

// In External ID the issuer's host is always the tenant's ID, and the endpoints have the host of the
// request.
func TestExternalID_UsersSignIn(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct{ host, tenant string }{
		"by name and ID":          {"contoso.ciamlogin.com", ""},
		"by name and domain":      {"contoso.ciamlogin.com", "contoso.onmicrosoft.com"},
		"by ID":                   {"aaaabbbb-0000-cccc-1111-dddd2222eeee.ciamlogin.com", ""},
		"in capitals":             {"contoso.ciamlogin.com", "AAAABBBB-0000-CCCC-1111-DDDD2222EEEE"},
		"custom domain":           {"login.contoso.example", ""},
		"custom domain, both":     {"login.contoso.example", "contoso.onmicrosoft.com"},
		"at Entra ID's own login": {"login.microsoftonline.com", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			idp := externalIDP(t, row.host)
			s := newSite(t, idp, func(cfg *fibermsal.Config) {
				cfg.GraphURL = ""
				if row.tenant != "" {
					cfg.Authority = strings.Replace(idp.Authority, idp.TenantID, row.tenant, 1)
				}
			})
			b := s.browser()
			authorizeURL := b.start("")
			if !strings.HasPrefix(authorizeURL, "https://"+row.host+"/") {
				t.Errorf("users are sent to %s", authorizeURL)
			}
			response := b.approve(authorizeURL, adele)
			response.Values.Set("iss", "https://"+idp.TenantID+".ciamlogin.com/"+idp.TenantID+"/v2.0")
			if a := b.Send(response.Request()); a.StatusCode != http.StatusSeeOther {
				t.Fatalf("%d\n%s", a.StatusCode, s.log)
			}
			if b.user() != adele || b.Get("/token").Text != adele {
				t.Errorf("%q is signed in\n%s", b.user(), s.log)
			}
		})
	}
}

func TestExternalID_TokensAreRenewed(t *testing.T) {
	t.Parallel()
	idp := externalIDP(t, "contoso.ciamlogin.com")
	idp.SetAccessTokenLifetime(1)
	s := newSite(t, idp)
	b := s.browser()
	b.signIn(adele)
	calls := idp.Count(entratest.Token)
	if a := b.Get("/token"); a.Text != adele || idp.Count(entratest.Token) == calls {
		t.Errorf("%d %s after %d more token calls\n%s", a.StatusCode, a.Text, idp.Count(entratest.Token)-calls, s.log)
	}
}

func TestB4_TheIssuerOfExternalIDIsExact(t *testing.T) {
	t.Parallel()
	for name, issuer := range map[string]string{
		"host of the name":        "https://contoso.ciamlogin.com/{tid}/v2.0",
		"tenant in the host only": "https://{tid}.ciamlogin.com/contoso.onmicrosoft.com/v2.0",
		"tenant in the path only": "https://11111111-2222-3333-4444-555555555555.ciamlogin.com/{tid}/v2.0",
		"another tenant":          "https://11111111-2222-3333-4444-555555555555.ciamlogin.com/11111111-2222-3333-4444-555555555555/v2.0",
		"another domain":          "https://{tid}.ciamlogin.com.evil.example/{tid}/v2.0",
		"version 1":               "https://{tid}.ciamlogin.com/{tid}/",
		"plain http":              "http://{tid}.ciamlogin.com/{tid}/v2.0",
		"Entra ID's":              "https://login.microsoftonline.com/{tid}/v2.0",
		"a placeholder":           "https://{tenantid}.ciamlogin.com/{tenantid}/v2.0",
		"a slash at the end":      "https://{tid}.ciamlogin.com/{tid}/v2.0/",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			idp := externalIDP(t, "contoso.ciamlogin.com")
			genuine := "https://" + idp.TenantID + ".ciamlogin.com/" + idp.TenantID + "/v2.0"
			forged := strings.ReplaceAll(issuer, "{tid}", idp.TenantID)

			inToken := newSite(t, idp).browser()
			authorizeURL := inToken.start("")
			idp.TamperIDToken(func(token *entratest.IDToken) { token.Claims["iss"] = forged })
			inToken.assertRejected(inToken.Send(inToken.approve(authorizeURL, adele).Request()), http.StatusForbidden, "id_token_issuer")

			document := discoveryOf(t, idp)
			if !strings.Contains(document, genuine) {
				t.Fatalf("%s is not in %s", genuine, document)
			}
			idp.Fault(entratest.Discovery, entratest.Fault{Body: strings.Replace(document, genuine, forged, 1)})
			if a := newSite(t, idp).browser().Navigate("/user/login"); a.StatusCode != http.StatusServiceUnavailable || a.Location() != "" {
				t.Errorf("in the configuration: status %d, Location %q", a.StatusCode, a.Location())
			}
		})
	}
}

// With Azure AD B2C and AD FS no user could sign in. Without this check, only the first sign-in would
// show it.
func TestConfig_OtherDirectoriesAreRefusedByName(t *testing.T) {
	t.Parallel()
	for address, says := range map[string]string{
		"https://contoso.b2clogin.com/contoso.onmicrosoft.com":                          "Azure AD B2C",
		"https://contoso.b2clogin.com/contoso.onmicrosoft.com/B2C_1_signin":             "Azure AD B2C",
		"https://contoso.b2clogin.com/tfp/contoso.onmicrosoft.com/B2C_1A_signin":        "Azure AD B2C",
		"https://Contoso.B2CLogin.com/11111111-2222-3333-4444-555555555555":             "Azure AD B2C",
		"https://login.contoso.example/contoso.onmicrosoft.com/b2c_1_signin":            "Azure AD B2C",
		"https://login.contoso.example/tfp/contoso.onmicrosoft.com/signin":              "Azure AD B2C",
		"https://login.microsoftonline.com/tfp/contoso.onmicrosoft.com/B2C_1_signin":    "Azure AD B2C",
		"https://login.microsoftonline.com/contoso.onmicrosoft.com/v2.0?p=B2C_1_signin": "Azure AD B2C",
		"https://adfs.contoso.example/adfs":                                             "AD FS",
		"https://sts.contoso.example/ADFS/":                                             "AD FS",
		"https://sts.contoso.example:8443/adfs/oauth2":                                  "AD FS",
		"https://login.microsoftonline.com/adfs":                                        "AD FS",
		"https://contoso.ciamlogin.com/common":                                          "External ID",
		"https://contoso.ciamlogin.com/Organizations":                                   "External ID",
		"https://contoso.ciamlogin.com/":                                                "https://{host}/{tenant}",
		"https://login.microsoftonline.com/contoso.com/more":                            "https://{host}/{tenant}",
		"tenant:adfs": "AD FS",
		"tenant:contoso.onmicrosoft.com/B2C_1_signin": "Azure AD B2C",
		"tenant:contoso.b2clogin.com":                 "Azure AD B2C",
		"tenant:contoso.ciamlogin.com":                "set Authority to https://{name}.ciamlogin.com/{tenant}",
	} {
		cfg := fibermsal.Config{ClientID: "client", ClientSecret: "secret", PublicURL: publicURL, Authority: address}
		field := "Authority"
		if tenant, ok := strings.CutPrefix(address, "tenant:"); ok {
			cfg.Authority, cfg.TenantID, field = "", tenant, "TenantID"
		}
		_, err := fibermsal.Open(cfg)
		var problem *fibermsal.ConfigError
		if !errors.As(err, &problem) || problem.Field != field || !strings.Contains(problem.Problem, says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", address, err)
		}
	}
	for _, address := range []string{
		"https://login.microsoftonline.com/adfs.contoso.com", "https://adfs.contoso.example/contoso.com", "https://login.contoso.example/contoso.onmicrosoft.com",
	} {
		auth, err := fibermsal.Open(fibermsal.Config{ClientID: "client", ClientSecret: "secret", PublicURL: publicURL, Authority: address})
		if err != nil {
			t.Errorf("%s: %v", address, err)
			continue
		}
		_ = auth.Close()
	}
}

// External ID and custom domains are in the public cloud.
func TestConfig_TheCloudOfAnAuthority(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		cloud  fibermsal.Cloud
		host   string
		accept bool
	}{
		{fibermsal.PublicCloud, "contoso.ciamlogin.com", true},
		{fibermsal.PublicCloud, "login.contoso.example", true},
		{fibermsal.PublicCloud, "Login.MicrosoftOnline.com", true},
		{fibermsal.PublicCloud, "login.microsoftonline.us", false},
		{fibermsal.USDoDCloud, "login.microsoftonline.us", true},
		{fibermsal.ChinaCloud, "contoso.ciamlogin.com", false},
		{fibermsal.BleuCloud, "login.sovcloud-identity.fr", true},
		{fibermsal.BleuCloud, "login.sovcloud-identity.de", false},
	} {
		auth, err := fibermsal.Open(fibermsal.Config{
			ClientID: "client", ClientSecret: "secret", PublicURL: publicURL, Cloud: row.cloud,
			Authority: "https://" + row.host + "/contoso.com",
		})
		if (err == nil) != row.accept || (err != nil && !strings.Contains(err.Error(), "Config.Cloud:")) {
			t.Errorf("%s at %s: %v", row.cloud, row.host, err)
		}
		if err == nil {
			_ = auth.Close()
		}
	}
}

func TestDoctor_IsContentWithExternalIDAndKeysOfTheAppsOwn(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, entratest.WithHosts("contoso.ciamlogin.com", "graph.microsoft.com"))
	idp.UseAppSigningKey()
	s := newSite(t, idp)
	for _, f := range s.auth.Doctor(t.Context()) {
		if f.Severity == fibermsal.SeverityError {
			t.Errorf("%+v", f)
		}
	}
}
