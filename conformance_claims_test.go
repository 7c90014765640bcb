package fibermsal_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
)

// claimsConformance are the tests of claims from elsewhere, of the client's authentication, and of errors.
func claimsConformance() []conformance {
	const profile = "graph.TestProfile_PrefersGraphsNameAndMail"
	return []conformance{
		{
			id: "oidcc-client-test-userinfo-invalid-sub", provider: "answers for another user than the ID token's", verdict: equivalent, elsewhere: profile,
			must: "does not use the claims", does: "does not use them", remark: "Graph's `/me` and its `id`, with `graph.Profile`: Entra's UserInfo has no claim that the ID token has not",
		},
		{
			id: "oidcc-client-test-scope-userinfo-claims", provider: "has the claims of the scopes at its UserInfo endpoint", verdict: equivalent, elsewhere: profile,
			must: "requests them", does: "takes name and mail from the ID token, or newer ones from Graph's `/me`", remark: "with `graph.Profile`",
		},
		{
			id: "oidcc-client-test-userinfo-bearer-header", provider: "takes the access token in the `Authorization` header", verdict: equivalent, elsewhere: "graph.TestProfile_CompletesTheUser",
			must: "sends it there", does: "sends it there to Graph", remark: "the emulator's Graph takes no other",
		},
		{
			id: "oidcc-client-test-form-post-error", provider: "answers `login_required` by form_post", verdict: passed, formPostOnly: true,
			must: "shows an error", does: "shows a page whose text is its own, with a way to try again", run: errorByFormPost,
		},
		{
			id: "oidcc-client-test-client-secret-basic", provider: "takes the client secret by HTTP Basic", verdict: inapplicable,
			must: "sends it there", does: "sends it in the body, once, and nowhere else", remark: "MSAL uses `client_secret_post`, and `private_key_jwt` with certificates; Entra takes all three",
			run: secretInTheBody,
		},
		{
			id: "oidcc-client-test-distributed-claims", provider: "names a claims endpoint", verdict: inapplicable,
			must: "requests the claims there", does: "sends no token there", remark: "Entra does so for users with more than 200 groups, with the address of an API that has ended; `InGroup` asks Graph",
			run: claimsEndpointElsewhere,
		},
	}
}

func errorByFormPost(t *testing.T, mode fibermsal.ResponseMode) {
	t.Helper()
	t.Parallel()
	l := newLedger()
	b := newSite(t, newIDP(t), onLedger(l), inMode(mode)).browser()
	response := b.approve(b.start(""), adele)
	response.Values = url.Values{
		"state": response.Values["state"], "error": {"login_required"}, "error_description": {"<b>of the provider</b>"},
	}
	a := b.Send(response.Request())
	b.assertRejected(a, http.StatusBadRequest, "entra_error")
	if strings.Contains(a.Text, "of the provider") || !strings.Contains(a.Text, `href="/user/login`) || !strings.Contains(b.log.String(), `"cause":"login_required`) {
		t.Errorf("%s\n%s", a.Text, b.log)
	}
	if b.idp.Count(entratest.Token) != 0 || len(l.keys()) != 0 || b.user() != "" {
		t.Errorf("%d token calls, stored %v, %q is signed in", b.idp.Count(entratest.Token), l.keys(), b.user())
	}
}

func secretInTheBody(t *testing.T, mode fibermsal.ResponseMode) {
	t.Helper()
	t.Parallel()
	b := newSite(t, newIDP(t), inMode(mode)).browser()
	b.signInAs(adele, mode)
	for _, r := range b.idp.Requests() {
		sent := r.Form["client_secret"]
		if r.Endpoint == entratest.Token && (r.Method != http.MethodPost || len(sent) != 1 || sent[0] != b.idp.ClientSecret) {
			t.Errorf("the token call: %d secrets", len(sent))
		}
		if r.Endpoint != entratest.Token && sent != nil || r.Endpoint == entratest.Token && r.Header.Get("Authorization") != "" || strings.Contains(r.URL.String(), b.idp.ClientSecret) {
			t.Errorf("the secret is sent to %s elsewhere than in the body", r.Endpoint)
		}
	}
}

// The emulator's client refuses requests to other hosts.
func claimsEndpointElsewhere(t *testing.T, mode fibermsal.ResponseMode) {
	t.Helper()
	t.Parallel()
	idp := newIDP(t)
	b := newSite(t, idp, inMode(mode), func(cfg *fibermsal.Config) {
		cfg.HTTPClient = &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
			if strings.Contains(r.URL.Host, "evil") {
				t.Errorf("a request to %s", r.URL.Host)
			}
			return idp.HTTPClient.Transport.RoundTrip(r)
		})}
	}).browser()
	idp.TamperIDToken(func(token *entratest.IDToken) {
		token.Claims["_claim_names"] = map[string]string{"groups": "src1", "credit_score": "src1"}
		token.Claims["_claim_sources"] = map[string]any{"src1": map[string]string{"endpoint": "https://evil.example/claims"}}
	})
	b.signInAs(adele, mode)
}

// inapplicableConformance are the tests of what Entra, or this library, does not offer.
func inapplicableConformance() (rows []conformance) {
	const (
		frontChannelTokens = "no token comes from the authorization endpoint in the code flow; the nonce is sent and checked all the same"
		noUserInfo         = "Entra's UserInfo endpoint is not called; Graph takes tokens in the header only"
		noWebFinger        = "Entra has no WebFinger: the tenant is configured"
		noRequestObjects   = "Entra takes no request objects"
		noBackChannel      = "Entra sends no logout tokens"
	)
	for _, group := range []struct {
		remark string
		ids    []string
	}{
		{frontChannelTokens, []string{"nonce-unless-code-flow", "missing-athash", "invalid-athash", "missing-chash", "invalid-chash"}},
		{noUserInfo, []string{"userinfo-bearer-body", "userinfo-signed", "aggregated-claims"}},
		{noWebFinger, []string{"discovery-webfinger-acct", "discovery-webfinger-url"}},
		{"apps are registered in Entra's portal", []string{"dynamic-registration"}},
		{noRequestObjects, []string{"request-uri-signed-rs256", "request-uri-signed-none"}},
		{"MSAL authenticates by a signed assertion, with certificates too", []string{"mtls-endpoint-aliases"}},
		{"protocol parameters in the login route's query are ignored (threat A16)", []string{"3rd-party-init-login"}},
		{"Entra has no check_session_iframe", []string{"session-management"}},
		{noBackChannel, []string{
			"rp-backchannel-rpinitlogout", "rp-backchannel-rpinitlogout-alg-none", "rp-backchannel-rpinitlogout-no-event",
			"rp-backchannel-rpinitlogout-with-nonce", "rp-backchannel-rpinitlogout-wrong-alg", "rp-backchannel-rpinitlogout-wrong-aud",
			"rp-backchannel-rpinitlogout-wrong-event", "rp-backchannel-rpinitlogout-wrong-iss",
		}},
	} {
		for _, id := range group.ids {
			rows = append(rows, conformance{id: "oidcc-client-test-" + id, verdict: inapplicable, remark: group.remark})
		}
	}
	return rows
}
