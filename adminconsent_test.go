package fibermsal_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/internal/browsertest"
)

const administrator = "PattiF@contoso.com"

// consentURL is the URL at which an administrator is asked to consent. Entra redirects back to the
// route of sign-ins.
func (b *browser) consentURL(tenant string) string {
	b.t.Helper()
	address, err := b.auth.AdminConsentURL(tenant, redirectURI)
	if err != nil {
		b.t.Fatal(err)
	}
	return address
}

// deliver sends Entra's response to the app.
func (b *browser) deliver(response *entratest.Response, err error) *answer {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
	return b.Send(response.Request())
}

func TestAdminConsent_IsConfirmed(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, b *browser) {
		t.Helper()
		for name, tenant := range map[string]string{"by its ID": b.idp.TenantID, "by its name": "contoso.com"} {
			address := b.consentURL(tenant)
			a := b.deliver(b.idp.SignIn(address, administrator))
			if a.StatusCode != http.StatusOK || !strings.Contains(a.Text, "have been granted") || !strings.Contains(a.Text, tenant) || len(a.Cookies()) != 0 {
				t.Errorf("%s: %d %s", name, a.StatusCode, a.Text)
			}
			if target, text := link(t, a); target != "/" || text != "Home page" {
				t.Errorf("%s: %q leads to %q", name, text, target)
			}
			a = b.deliver(b.idp.Decline(address, administrator))
			if a.StatusCode != http.StatusBadRequest || !strings.Contains(a.Text, "have not been granted") || !strings.Contains(b.log.String(), "AADSTS65004") {
				t.Errorf("%s, declined: %d %s\n%s", name, a.StatusCode, a.Text, b.log)
			}
			denied, err := b.idp.Decline(address, administrator)
			denied.Values.Del("admin_consent")
			if a = b.deliver(denied, err); !strings.Contains(a.Text, "have not been granted") {
				t.Errorf("%s, without the field: %d %s", name, a.StatusCode, a.Text)
			}
			if a = b.deliver(b.idp.Cancel(address)); !strings.Contains(a.Text, "have not been granted") {
				t.Errorf("%s, cancelled: %d %s", name, a.StatusCode, a.Text)
			}
		}
		if b.user() != "" || b.idp.Count(entratest.Token) != 0 {
			t.Errorf("%q is signed in after %d token calls", b.user(), b.idp.Count(entratest.Token))
		}
	})
}

// An attacker can forge the response. Without a state of this app, the page therefore makes no
// statement, and the page never repeats a part of the response (threat A10).
func TestA10_ForgedConsentIsNotConfirmed(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, b *browser) {
		t.Helper()
		own, signIn := query(t, b.consentURL(b.idp.TenantID)).Get("state"), state(t, b.start(""))
		for name, row := range map[string]struct {
			query  url.Values
			status int
		}{
			"no state":                    {url.Values{"tenant": {b.idp.TenantID}}, 200},
			"a made-up state":             {url.Values{"tenant": {b.idp.TenantID}, "state": {strings.Repeat("A", 90)}}, 200},
			"the state of a sign-in":      {url.Values{"tenant": {b.idp.TenantID}, "state": {signIn}}, 200},
			"another tenant":              {url.Values{"tenant": {otherTenant}, "state": {own}}, 200},
			"no tenant":                   {url.Values{"state": {own}}, 200},
			"an error without a state":    {url.Values{"error": {"access_denied"}, "error_description": {"AADSTS90094: <script>alert(1)</script>"}}, 400},
			"markup":                      {url.Values{"tenant": {"<script>"}, "scope": {"<script>"}}, 200},
			"two states":                  {url.Values{"tenant": {b.idp.TenantID}, "state": {own, own}}, 400},
			"two tenants":                 {url.Values{"tenant": {b.idp.TenantID, otherTenant}, "state": {own}}, 400},
			"a code beside it":            {url.Values{"tenant": {b.idp.TenantID}, "state": {own}, "code": {"x"}}, 400},
			"a code for a sign-in":        {url.Values{"state": {signIn}, "code": {"x"}}, 400},
			"a consent that is not given": {url.Values{"admin_consent": {"False"}, "state": {strings.Repeat("A", 90)}}, 200},
		} {
			if !row.query.Has("admin_consent") {
				row.query.Set("admin_consent", "True")
			}
			a := b.Send(browsertest.CrossSite(navigation(http.MethodGet, "/user/authorized?"+row.query.Encode())))
			if a.StatusCode != row.status || strings.Contains(a.Text, "granted") || strings.Contains(a.Text, "<script") || len(a.Cookies()) != 0 {
				t.Errorf("%s: %d %s", name, a.StatusCode, a.Text)
			}
		}
		log := b.log.String()
		if strings.Contains(log, `"advice"`) || !strings.Contains(log, "AADSTS90094") || strings.Contains(log, "alert") {
			t.Errorf("the log: %s", log)
		}
		if b.user() != "" || b.idp.Count(entratest.Token) != 0 {
			t.Error("signed in")
		}
	})
}

func TestAdminConsent_IsAwaitedForThirtyDays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newSite(t, newIDP(t)).browser()
		address := b.consentURL(b.idp.TenantID)
		time.Sleep(29 * 24 * time.Hour)
		if a := b.deliver(b.idp.SignIn(address, administrator)); !strings.Contains(a.Text, "have been granted") {
			t.Errorf("after 29 days: %s", a.Text)
		}
		time.Sleep(2 * 24 * time.Hour)
		if a := b.deliver(b.idp.SignIn(address, administrator)); a.StatusCode != http.StatusOK || strings.Contains(a.Text, "granted") {
			t.Errorf("after 31 days: %d %s", a.StatusCode, a.Text)
		}
	})
}

// The state of a request for consent completes no sign-in.
func TestA1_StateOfAConsentSignsNobodyIn(t *testing.T) {
	t.Parallel()
	b := newSite(t, newIDP(t)).browser()
	response := b.approve(b.start(""), adele)
	response.Values.Set("state", query(t, b.consentURL(b.idp.TenantID)).Get("state"))
	b.assertRejected(b.Send(response.Request()), http.StatusBadRequest, "state_unknown")
}
