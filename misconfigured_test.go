package fibermsal_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
)

// A tenant that does not exist is not an outage, because waiting does not help users.
func TestMisconfigured_ATenantThatEntraDoesNotKnow(t *testing.T) {
	for authority, advice := range map[string]string{
		"https://login.entra.test/11111111-2222-3333-4444-555555555555": "the tenant does not exist",
		"https://login.entra.test/fabrikam.example":                     "the tenant does not exist",
		"https://login.entra.test/contoso":                              "the tenant's name is not valid",
	} {
		synctest.Test(t, func(t *testing.T) {
			idp := newIDP(t)
			s := newSite(t, idp, func(cfg *fibermsal.Config) { cfg.Authority = authority })
			s.app.Get("/ready", s.auth.ReadyHandler)
			for range 3 { // the second at once, when the failure is remembered
				a := s.browser().Navigate("/user/login")
				if a.StatusCode != http.StatusInternalServerError || a.Location() != "" || a.Header.Get("Retry-After") != "" ||
					!strings.Contains(a.Text, "not set up correctly") || strings.Contains(a.Text, "busy") {
					t.Errorf("%s: %d %s", authority, a.StatusCode, a.Text)
				}
			}
			if log := s.log.String(); !strings.Contains(log, `"code":"misconfigured"`) || !strings.Contains(log, advice) || !strings.Contains(log, "AADSTS") {
				t.Errorf("%s: %s", authority, log)
			}
			if _, err := s.auth.AppCredential().GetToken(t.Context(), tokenRequest()); !errors.Is(err, fibermsal.ErrMisconfigured) {
				t.Errorf("%s, the app's own token: %v", authority, err)
			}
			if a := s.send(request(http.MethodGet, "/ready", "")); a.StatusCode != http.StatusServiceUnavailable {
				t.Errorf("%s: ready: %d", authority, a.StatusCode)
			}
		})
	}
}

// Only a response of Entra itself counts as a refusal. Other responses may come from systems in
// between.
func TestMisconfigured_AnOutageOfTheConfigurationIsNone(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]entratest.Fault{
		"400 without a number": {Status: 400, Body: `{"error":"bad"}`},
		"400 of a proxy":       {Status: 400, Body: "<html>Bad request</html>"},
		"500 with a number":    {Status: 500, Body: `{"error":"x","error_description":"AADSTS90033: fault"}`},
		"503":                  {Status: 503, Body: "AADSTS90033"},
		"429":                  {Status: 429, Body: `{"error_description":"AADSTS90055"}`},
		"404":                  {Status: 404, Body: "not found"},
		"dropped":              {Drop: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			idp := newIDP(t)
			idp.Fault(entratest.Discovery, fault)
			if a := newSite(t, idp).browser().Navigate("/user/login"); a.StatusCode != http.StatusServiceUnavailable {
				t.Errorf("%d %s", a.StatusCode, a.Text)
			}
		})
	}
}

// A tenant that was just created or renamed at Entra is found without a restart.
func TestMisconfigured_IsNotRememberedForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, newIDP(t))
		s.idp.Fault(entratest.Discovery, entratest.Fault{Status: 400, Body: `{"error":"invalid_tenant","error_description":"AADSTS90002: Tenant not found."}`, Times: 1})
		if a := s.browser().Navigate("/user/login"); a.StatusCode != http.StatusInternalServerError {
			t.Errorf("%d %s", a.StatusCode, a.Text)
		}
		time.Sleep(2 * time.Second)
		s.browser().signIn(adele)
	})
}
