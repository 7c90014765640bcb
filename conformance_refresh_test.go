package fibermsal_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
)

// refreshConformance are the tests of the refresh profile. The last two are of earlier versions of the suite.
func refreshConformance() []conformance {
	const older = "of earlier versions of the suite (OpenID Connect Core section 12.2)"
	audience := refreshRefused("oidcc-client-test-refresh-token-invalid-aud", "another `aud`", func(token *entratest.IDToken) { token.Claims["aud"] = "other-client" })
	party := refreshRefused("oidcc-client-test-refresh-token-invalid-azp", "an `azp` of another client", func(token *entratest.IDToken) { token.Claims["azp"] = "other-client" })
	audience.remark, party.remark = older, older
	return []conformance{
		{
			id: "oidcc-client-test-refresh-token", provider: "returns an access token that expires, and a refresh token", verdict: passed,
			must: "uses the refresh token", does: "uses it once for each expiry", run: inBubble(refreshed),
		},
		refreshRefused("oidcc-client-test-refresh-token-invalid-issuer", "another `iss`", func(token *entratest.IDToken) {
			issuer, _ := token.Claims["iss"].(string)
			token.Claims["iss"] = issuer + "1"
		}),
		refreshRefused("oidcc-client-test-refresh-token-invalid-sub", "another `sub`", func(token *entratest.IDToken) {
			subject, _ := token.Claims["sub"].(string)
			token.Claims["sub"] = subject + "1"
		}),
		audience, party,
	}
}

func refreshed(t *testing.T, mode fibermsal.ResponseMode) {
	t.Helper()
	b := newSite(t, newIDP(t), inMode(mode)).browser()
	b.signInAs(adele, mode)
	b.idp.ResetRequests()
	time.Sleep(2 * time.Hour)
	for range 3 {
		if a := b.Get("/token"); a.Text != adele {
			t.Errorf("%d %s", a.StatusCode, a.Text)
		}
	}
	calls := b.idp.Requests(entratest.Token)
	if len(calls) != 1 || calls[0].Form.Get("grant_type") != "refresh_token" || !strings.Contains(calls[0].Form.Get("scope"), "openid") {
		t.Errorf("the token calls: %v", calls)
	}
}

// refreshRefused is a refresh that returns an ID token that is not that of the session.
func refreshRefused(id, with string, tamper func(*entratest.IDToken)) conformance {
	return conformance{
		id: id, provider: "answers a refresh with an ID token with " + with, verdict: passed,
		must: "does not use the new tokens", does: "ends the session",
		run: inBubble(func(t *testing.T, mode fibermsal.ResponseMode) {
			t.Helper()
			l := newLedger()
			b := newSite(t, newIDP(t), onLedger(l), inMode(mode)).browser()
			b.signInAs(adele, mode)
			onRefresh(b.idp, tamper)
			time.Sleep(2 * time.Hour)
			if a := b.Get("/token"); a.StatusCode != http.StatusUnauthorized || strings.Contains(a.Text, "@") {
				t.Errorf("status %d %s", a.StatusCode, a.Text)
			}
			if b.user() != "" || len(l.keys()) != 0 {
				t.Errorf("the session continues: %v", l.keys())
			}
		}),
	}
}
