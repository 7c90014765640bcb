package fibermsal_test

import (
	"slices"
	"strings"
	"testing"
)

// plan is a test plan of the suite, with its tests without their common prefix.
type plan struct{ id, about, tests string }

const idPrefix = "oidcc-client-test"

const basicTests = `invalid-iss missing-sub invalid-aud missing-iat kid-absent-single-jwks kid-absent-multiple-jwks idtoken-sig-rs256
	idtoken-sig-none invalid-sig-rs256 userinfo-invalid-sub nonce-invalid scope-userinfo-claims client-secret-basic`

// suitePlans are the plans for relying parties with the code flow, and the plan with all tests.
var suitePlans = []plan{
	{"oidcc-client-basic-certification-test-plan", "basic", ". " + basicTests},
	{"oidcc-client-formpost-basic-certification-test-plan", "form_post", ". " + basicTests},
	{
		"oidcc-client-config-certification-test-plan", "configuration",
		"discovery-openid-config discovery-jwks-uri-keys discovery-issuer-mismatch idtoken-sig-none signing-key-rotation-just-before-signing signing-key-rotation",
	},
	{"oidcc-client-refreshtoken-test-plan", "refresh tokens", "refresh-token refresh-token-invalid-issuer refresh-token-invalid-sub"},
	{"oidcc-client-front-channel-logout-rp-basic", "front-channel logout", "rp-frontchannel-rpinitlogout"},
	{"oidcc-client-rp-initiated-logout-rp-basic", "logout by the app", "rp-init-logout rp-init-logout-other-state rp-init-logout-no-state"},
	{
		"oidcc-client-test-plan", "all tests but those of logout",
		". " + basicTests + ` missing-aud userinfo-bearer-header userinfo-bearer-body nonce-unless-code-flow missing-chash invalid-chash
		invalid-athash missing-athash form-post-error invalid-sig-hs256 invalid-sig-es256 aggregated-claims distributed-claims
		mtls-endpoint-aliases discovery-openid-config discovery-jwks-uri-keys discovery-issuer-mismatch
		signing-key-rotation-just-before-signing signing-key-rotation discovery-webfinger-acct discovery-webfinger-url dynamic-registration
		request-uri-signed-rs256 request-uri-signed-none userinfo-signed`,
	},
	{
		"oidcc-client-logout-test-plan", "all tests of logout",
		`session-management rp-init-logout rp-init-logout-other-state rp-init-logout-no-state rp-frontchannel-rpinitlogout
		rp-frontchannel-opinitlogout rp-backchannel-rpinitlogout rp-backchannel-rpinitlogout-alg-none rp-backchannel-rpinitlogout-no-event
		rp-backchannel-rpinitlogout-with-nonce rp-backchannel-rpinitlogout-wrong-alg rp-backchannel-rpinitlogout-wrong-aud
		rp-backchannel-rpinitlogout-wrong-event rp-backchannel-rpinitlogout-wrong-iss`,
	},
	{"oidcc-client-test-3rd-party-init-login-test-plan", "sign-in that others begin", "3rd-party-init-login"},
}

// ids returns the IDs of the plan's tests.
func (p plan) ids() (ids []string) {
	for _, name := range strings.Fields(p.tests) {
		if name == "." {
			ids = append(ids, idPrefix)
			continue
		}
		ids = append(ids, idPrefix+"-"+name)
	}
	return ids
}

// Every test of the suite is a row, which has a test or a reason for having none.
func TestConformance_HasEveryTestOfTheSuite(t *testing.T) {
	t.Parallel()
	rows := map[string]bool{}
	for _, row := range conformanceRows() {
		if rows[row.id] {
			t.Errorf("%s is there twice", row.id)
		}
		rows[row.id] = true
		if tested := row.run != nil || row.elsewhere != ""; !tested && (row.verdict != inapplicable || row.remark == "") {
			t.Errorf("%s has neither a test nor a reason", row.id)
		}
	}
	listed := map[string]bool{}
	for _, p := range suitePlans {
		for _, id := range p.ids() {
			listed[id] = true
			if !rows[id] {
				t.Errorf("%s of %s is missing", id, p.id)
			}
		}
	}
	others := slices.Sorted(func(yield func(string) bool) {
		for id := range rows {
			if !listed[id] && !yield(id) {
				return
			}
		}
	})
	if want := []string{ // of other versions of the suite
		idPrefix + "-ignores-unparseable-key-in-jwks", idPrefix + "-refresh-token-invalid-aud", idPrefix + "-refresh-token-invalid-azp",
	}; !slices.Equal(others, want) {
		t.Errorf("in no plan: %v", others)
	}
}
