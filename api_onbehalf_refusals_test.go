package fibermsal_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fibermsal/fibermsal/entratest"
)

const factorClaims = `{"access_token":{"polids":{"essential":true,"values":["9ab03e19-ed42-4168-b6b7-7001fb3e933a"]}}}`

// A hundred simultaneous requests and a hundred successive ones cause one call, and an honest client
// succeeds as soon as possible.
func TestOnBehalf_RefusalsAreAnsweredAndRemembered(t *testing.T) {
	refusal := func(oauth string, number int, more ...string) func(*entratest.Server) {
		e := &entratest.OAuthError{Error: oauth, Codes: []int{number}}
		if more != nil {
			e.Suberror, e.Claims = more[0], more[1]
		}
		return func(idp *entratest.Server) { idp.Fault(entratest.Token, entratest.Fault{OAuth: e}) }
	}
	status := func(f entratest.Fault) func(*entratest.Server) {
		return func(idp *entratest.Server) { idp.Fault(entratest.Token, f) }
	}
	for name, row := range map[string]struct {
		fault      func(*entratest.Server)
		status     int
		code       string
		challenge  string
		retryAfter string
		claims     string
		calls      int
		again      time.Duration // until the same token gets through
	}{
		"no consent":        {refusal("invalid_grant", 65001, "consent_required", ""), 403, "consent_required", `error="insufficient_scope"`, "", "", 1, 30 * time.Second},
		"another factor":    {refusal("interaction_required", 50076, "basic_action", factorClaims), 401, "claims_challenge", `error="insufficient_claims"`, "", factorClaims, 1, 10 * time.Minute},
		"registration":      {refusal("invalid_grant", 50079, "basic_action", ""), 401, "login_required", `error="invalid_token"`, "", "", 1, 10 * time.Minute},
		"revoked":           {func(idp *entratest.Server) { idp.Revoke(adele) }, 401, "login_required", `error="invalid_token"`, "", "", 1, 0},
		"disabled":          {func(idp *entratest.Server) { idp.Disable(adele) }, 401, "login_required", `error="invalid_token"`, "", "", 1, 0},
		"consent withdrawn": {func(idp *entratest.Server) { idp.WithdrawAdminConsent() }, 403, "consent_required", `error="insufficient_scope"`, "", "", 1, 30 * time.Second},
		"another app's":     {refusal("invalid_grant", 500131), 500, "misconfigured", "", "", "", 1, 30 * time.Second},
		"a wrong secret":    {refusal("invalid_client", 7000215), 500, "misconfigured", "", "", "", 1, 30 * time.Second},
		"a wrong scope":     {refusal("invalid_request", 28002), 500, "misconfigured", "", "", "", 1, 30 * time.Second},
		"throttled":         {status(entratest.Fault{Status: 429, Header: http.Header{"Retry-After": {"30"}}, Body: "slow down"}), 503, "unavailable", "", "30", "", 1, 30 * time.Second},
		"throttled, no end": {status(entratest.Fault{Status: 429, Body: "slow down"}), 503, "unavailable", "", "5", "", 1, 5 * time.Second},
		"busy":              {status(entratest.Fault{Status: 503, Header: http.Header{"Retry-After": {"20"}}}), 503, "unavailable", "", "20", "", 1, 20 * time.Second},
		"broken":            {status(entratest.Fault{Status: 500, Body: "oops"}), 503, "unavailable", "", "5", "", 1, 5 * time.Second},
		"HTML":              {status(entratest.Fault{Status: 200, Body: "<html>sign in to the Wi-Fi</html>"}), 503, "unavailable", "", "5", "", 1, 5 * time.Second},
		"down":              {status(entratest.Fault{Drop: true}), 503, "unavailable", "", "5", "", 1, 5 * time.Second},
		"slow":              {status(entratest.Fault{Delay: time.Minute}), 503, "unavailable", "", "5", "", 1, 5 * time.Second},
		"answer lost":       {status(entratest.Fault{LoseAnswer: true}), 503, "unavailable", "", "5", "", 1, 5 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				idp := newIDP(t, entratest.WithAPI(ownAPI(2)))
				s := newCallee(t, idp)
				token := idp.Issue(adele, apiScope)
				row.fault(idp)
				answers := storm("/api/graph", token, adele, s, s)
				for range 100 {
					a := s.call("/api/graph", token)
					answers[a.StatusCode]++
					if !strings.Contains(a.Text, `"code":"`+row.code+`"`) || !strings.Contains(a.Header.Get("WWW-Authenticate"), row.challenge) ||
						(row.challenge == "") != (a.Header.Get("WWW-Authenticate") == "") || a.Header.Get("Retry-After") != row.retryAfter || claimsOf(t, a) != row.claims {
						t.Fatalf("%d %s %v", a.StatusCode, a.Text, a.Header)
					}
				}
				calls := len(exchanges(idp))
				t.Logf("answers by status: %v, %d token calls", answers, calls)
				if answers[row.status] != 200 || calls != row.calls {
					t.Errorf("want 200 times %d, %d token calls\n%s", row.status, row.calls, s.log)
				}
				if row.again > 0 {
					s.getsThrough(token, row.again)
				}
				idp.Enable(adele)
				if a := s.call("/api/graph", idp.Issue(adele, apiScope)); row.again == 0 && a.Text != adele {
					t.Errorf("with a new token: %d %s", a.StatusCode, a.Text)
				}
			})
		})
	}
}

// getsThrough lets Entra recover, and expects that the same token is exchanged after some time, but not
// earlier.
func (s apiSite) getsThrough(token string, after time.Duration) {
	s.t.Helper()
	s.idp.ClearFaults()
	s.idp.GrantAdminConsent("User.Read", "openid", "profile")
	before := len(exchanges(s.idp))
	time.Sleep(after - time.Second)
	if a := s.call("/api/graph", token); a.StatusCode == http.StatusOK || len(exchanges(s.idp)) != before {
		s.t.Errorf("Entra was called again before %v had passed: %d", after, a.StatusCode)
	}
	time.Sleep(2 * time.Second)
	if a := s.call("/api/graph", token); a.Text != adele {
		s.t.Errorf("after %v: %d %s\n%s", after, a.StatusCode, a.Text, s.log)
	}
}

// The exchanged token can be used until it expires, like any access token. If its early renewal fails,
// this happens in the background.
func TestOnBehalf_ATokenStaysUsableWhenItsRenewalFails(t *testing.T) {
	for name, row := range map[string]struct {
		fault  entratest.Fault
		status int // once the token has expired
	}{
		"consent withdrawn": {entratest.Fault{OAuth: &entratest.OAuthError{Error: "invalid_grant", Suberror: "consent_required", Codes: []int{65001}}}, 403},
		"revoked":           {entratest.Fault{OAuth: &entratest.OAuthError{Error: "invalid_grant", Suberror: "bad_token", Codes: []int{50173}}}, 401},
		"another factor":    {entratest.Fault{OAuth: &entratest.OAuthError{Error: "interaction_required", Codes: []int{50076}, Claims: factorClaims}}, 401},
		"throttled":         {entratest.Fault{Status: 429, Header: http.Header{"Retry-After": {"300"}}}, 503},
		"down":              {entratest.Fault{Drop: true}, 503},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLedger()
				idp := newIDP(t, entratest.WithAPI(ownAPI(2)))
				s, other := newCallee(t, idp, onLedger(l)), newCallee(t, idp, onLedger(l))
				tell(idp, 20*time.Minute, 0)
				token := idp.Issue(adele, apiScope)
				s.serves(token)
				time.Sleep(16 * time.Minute) // the renewal is due
				idp.Fault(entratest.Token, row.fault)
				s.serves(token)
				synctest.Wait()
				before := len(exchanges(idp))
				for range 100 {
					s.serves(token)
					other.serves(token) // which has only what is stored
				}
				synctest.Wait()
				if n := len(exchanges(idp)) - before; before != 2 || n > 1 {
					t.Errorf("%d token calls, then %d", before, n)
				}
				time.Sleep(3*time.Minute + 50*time.Second) // the last seconds
				if a := other.call("/api/graph", token); a.StatusCode != row.status && a.Text != adele {
					t.Errorf("in the last seconds: %d %s", a.StatusCode, a.Text)
				}
				time.Sleep(10 * time.Second)
				for _, s := range []apiSite{s, other} {
					if a := s.call("/api/graph", token); a.StatusCode != row.status {
						t.Errorf("after its end: %d %s", a.StatusCode, a.Text)
					}
				}
			})
		})
	}
}

// serves expects Adele's token for Graph.
func (s apiSite) serves(token string) {
	s.t.Helper()
	if a := s.call("/api/graph", token); a.Text != adele {
		s.t.Fatalf("%d %s\n%s", a.StatusCode, a.Text, s.log)
	}
}

// A single-page app decodes the claims of the header or of the body, and requests them as they are.
func TestOnBehalf_ClaimsOfEntraReachTheClientUnchanged(t *testing.T) {
	t.Parallel()
	for _, claims := range []string{
		factorClaims, `{"access_token":{"acrs":{"essential":true,"value":"c1"},"nbf":{"essential":true,"value":"1700000000"}}}`,
		`{"access_token":{"x":{"value":"a \"quoted\", = ü text"}}}`,
	} {
		idp := newIDP(t, entratest.WithAPI(ownAPI(2)))
		s := newCallee(t, idp)
		idp.Fault(entratest.Token, entratest.Fault{OAuth: &entratest.OAuthError{Error: "invalid_grant", Codes: []int{50076}, Claims: claims}})
		a := s.call("/api/graph", idp.Issue(adele, apiScope))
		var body struct{ Claims string }
		if err := json.Unmarshal([]byte(a.Text), &body); err != nil || a.StatusCode != http.StatusUnauthorized || body.Claims != claims || claimsOf(t, a) != claims {
			t.Errorf("%d %s\n%q, want %q", a.StatusCode, a.Text, claimsOf(t, a), claims)
		}
	}
}
