package fibermsal_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/fibermsal/fibermsal/entratest"
)

// Each cloud has its own format for the home of a guest.
func TestB7_GuestsOfEveryCloudAreAccepted(t *testing.T) {
	t.Parallel()
	guest := person(7, "guest@fabrikam.example")
	guest.HomeTenantID, guest.HomeID = otherTenant, "77777777-0000-4000-8000-000000000000"
	for name, row := range map[string]struct{ login, home, idp string }{
		"public":            {"login.microsoftonline.com", otherTenant, "https://sts.windows.net/" + otherTenant + "/"},
		"US government":     {"login.microsoftonline.us", otherTenant, "https://sts.windows.net/" + otherTenant + "/"},
		"China":             {"login.partner.microsoftonline.cn", otherTenant, "https://sts.chinacloudapi.cn/" + otherTenant + "/"},
		"China, old host":   {"login.chinacloudapi.cn", otherTenant, "https://sts.chinacloudapi.cn/" + otherTenant + "/"},
		"personal accounts": {"login.microsoftonline.com", consumersTenant, "live.com"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			there := guest
			there.HomeTenantID = row.home
			idp := newIDP(t, entratest.WithHosts(row.login, "graph.test"), entratest.WithUsers(there))
			seen := ""
			idp.TamperIDToken(func(token *entratest.IDToken) { seen = str(token.Claims["idp"]) })
			b := newSite(t, idp).browser()
			b.signIn(there.UPN)
			if b.user() != there.UPN || b.Get("/token").Text != there.UPN || seen != row.idp {
				t.Errorf("%q is signed in, from %s", b.user(), seen)
			}
		})
	}
}

// A guest is refused only if the claim contradicts the account of the tokens.
func TestB7_TheHomeOfAGuestIsItsTenantNotItsHost(t *testing.T) {
	t.Parallel()
	guest := person(7, "guest@fabrikam.example")
	const home, third = "abcdef01-2222-3333-4444-555555555555", "33333333-2222-3333-4444-555555555555"
	guest.HomeTenantID, guest.HomeID = home, "77777777-0000-4000-8000-000000000000"
	for name, row := range map[string]struct {
		idp    any // nil for none
		accept bool
	}{
		"another host":          {"https://sts.example/" + home + "/", true},
		"capitals":              {"https://sts.windows.net/" + strings.ToUpper(home) + "/", true},
		"version 2":             {"https://login.microsoftonline.us/" + home + "/v2.0", true},
		"External ID":           {"https://" + home + ".ciamlogin.com/" + home + "/v2.0", true},
		"without a slash":       {"https://sts.windows.net/" + home, true},
		"mail code":             {"mail", true},
		"Google":                {"google.com", true},
		"SAML":                  {"https://idp.fabrikam.example/saml", true},
		"SAML by a name":        {"fabrikam.example", true},
		"urn":                   {"urn:fabrikam:idp", true},
		"unreadable":            {[]string{"mail"}, true},
		"another tenant":        {"https://sts.windows.net/" + third + "/", false},
		"another, China's":      {"https://sts.chinacloudapi.cn/" + third + "/", false},
		"the tenant in a query": {"https://sts.windows.net/" + third + "/?" + home, false},
		"personal accounts":     {"live.com", false},
		"none":                  {nil, false},
		"empty":                 {"", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newSite(t, newIDP(t, entratest.WithUsers(guest))).browser()
			b.idp.TamperIDToken(func(token *entratest.IDToken) {
				token.Claims["idp"] = row.idp
				if row.idp == nil {
					delete(token.Claims, "idp")
				}
			})
			a := b.Send(b.approve(b.start(""), guest.UPN).Request())
			if got := a.StatusCode == http.StatusSeeOther; got != row.accept {
				t.Errorf("accepted: %t, %d\n%s", got, a.StatusCode, b.log)
			}
		})
	}
}

// Even if the provider contains no tenant, tokens of another user of this tenant are refused.
func TestB7_AnotherUserOfTheTenantIsNoGuest(t *testing.T) {
	t.Parallel()
	b := newSite(t, newIDP(t)).browser()
	other, _ := b.idp.User(alex)
	info, err := json.Marshal(map[string]string{"uid": other.ID, "utid": b.idp.TenantID})
	if err != nil {
		t.Fatal(err)
	}
	b.idp.TamperTokenResponse(func(_ string, body map[string]any) { body["client_info"] = base64.RawURLEncoding.EncodeToString(info) })
	b.idp.TamperIDToken(func(token *entratest.IDToken) { token.Claims["idp"] = "google.com" })
	b.assertRejected(b.Send(b.approve(b.start(""), adele).Request()), http.StatusBadRequest, "client_info")
}
