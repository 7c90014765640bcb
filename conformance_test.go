package fibermsal_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
)

// The tests of relying parties of the OpenID Foundation's conformance suite, as it names them
// (oidcc-client-test-…), with the emulator as its provider. docs/conformance.md is made of these rows.

// conformance is one test of the suite.
type conformance struct {
	id       string
	provider string // what the provider does
	must     string // what the suite requires of a relying party
	does     string // what an app does, which run asserts

	verdict verdict
	remark  string

	formPostOnly bool
	run          func(t *testing.T, mode fibermsal.ResponseMode)
	elsewhere    string // the test that asserts it instead of run: package.Test
}

// verdict is how the suite would record a test.
type verdict string

const (
	passed verdict = "passed"
	// stricter: the library refuses something that the suite permits. The suite records the test as
	// skipped.
	stricter verdict = "refused, which the suite records as skipped"
	// equivalent: Entra offers the same in another way, which is tested in the same manner as in the
	// suite.
	equivalent verdict = "passed in Entra's way"
	deviating  verdict = "not passed"
	// inapplicable tests are about something that Entra, or this library, does not offer.
	inapplicable verdict = "not applicable"
)

const (
	mustAccept = "signs in"
	mustRefuse = "refuses the ID token"
)

// conformanceRows returns the tests of the suite.
func conformanceRows() (rows []conformance) {
	for _, part := range [][]conformance{
		idTokenConformance(), signatureConformance(), keysConformance(), discoveryConformance(), claimsConformance(),
		refreshConformance(), logoutConformance(), inapplicableConformance(),
	} {
		rows = append(rows, part...)
	}
	return rows
}

func TestConformance_RelyingParty(t *testing.T) {
	t.Parallel()
	for _, row := range conformanceRows() {
		if row.run == nil {
			continue
		}
		for name, mode := range map[string]fibermsal.ResponseMode{
			"query": fibermsal.ResponseModeQuery, "form_post": fibermsal.ResponseModeFormPost,
		} {
			if row.formPostOnly && mode != fibermsal.ResponseModeFormPost {
				continue
			}
			t.Run(row.id+"/"+name, func(t *testing.T) { row.run(t, mode) })
		}
	}
}

func inMode(mode fibermsal.ResponseMode) func(*fibermsal.Config) {
	return func(cfg *fibermsal.Config) { cfg.ResponseMode = mode }
}

// accepting is a test whose sign-in succeeds.
func accepting(id, provider string, hostile func(*entratest.Server)) conformance {
	return conformance{
		id: id, provider: provider, must: mustAccept, does: "signs in", verdict: passed,
		run: func(t *testing.T, mode fibermsal.ResponseMode) {
			t.Helper()
			t.Parallel()
			b := newSite(t, newIDP(t), inMode(mode)).browser()
			hostile(b.idp)
			b.signInAs(adele, mode)
		},
	}
}

// refusing is a test whose ID token is refused with a reason.
func refusing(id, provider, reason string, tamper func(*entratest.IDToken)) conformance {
	return conformance{
		id: id, provider: provider, must: mustRefuse, does: "refuses it: `" + reason + "`", verdict: passed,
		run: refusal(reason, func(idp *entratest.Server) { idp.TamperIDToken(tamper) }),
	}
}

func refusal(reason string, hostile func(*entratest.Server)) func(*testing.T, fibermsal.ResponseMode) {
	return func(t *testing.T, mode fibermsal.ResponseMode) {
		t.Helper()
		t.Parallel()
		l := newLedger()
		b := newSite(t, newIDP(t), onLedger(l), inMode(mode)).browser()
		hostile(b.idp)
		a := b.Send(b.approve(b.start(""), adele).Request())
		b.assertRejected(a, a.StatusCode, reason)
		if a.StatusCode != http.StatusBadRequest && a.StatusCode != http.StatusForbidden {
			t.Errorf("status %d", a.StatusCode)
		}
		if n := b.idp.Count(entratest.Token); n != 1 {
			t.Errorf("%d token calls", n)
		}
		if keys := l.keys(); len(keys) != 0 || b.user() != "" {
			t.Errorf("stored: %v, signed in: %q", keys, b.user())
		}
		if a := b.Get("/token"); a.StatusCode != http.StatusUnauthorized {
			t.Errorf("a token of the refused response is used: %d", a.StatusCode)
		}
	}
}

// signInAs signs a user in, and checks what the suite checks in every test: the parameters of the
// request, and that the response belongs to its user.
func (b *browser) signInAs(login string, mode fibermsal.ResponseMode) {
	b.t.Helper()
	address := b.start("")
	sent := query(b.t, address)
	for name, want := range map[string]string{
		"response_type": "code", "response_mode": string(mode), "redirect_uri": redirectURI, "client_id": b.idp.ClientID,
		"code_challenge_method": "S256",
	} {
		if got := sent[name]; len(got) != 1 || got[0] != want {
			b.t.Errorf("%s is %q in the request, want %q", name, got, want)
		}
	}
	if !strings.Contains(" "+sent.Get("scope")+" ", " openid ") || len(sent.Get("nonce")) < 22 || len(sent.Get("state")) < 22 {
		b.t.Errorf("the request has no openid, nonce or state: %v", sent)
	}
	response := b.approve(address, login)
	if response.Mode != string(mode) {
		b.t.Errorf("the response comes by %s", response.Mode)
	}
	if a := b.Send(response.Request()); a.StatusCode != http.StatusSeeOther {
		b.t.Fatalf("status %d\n%s", a.StatusCode, b.log)
	}
	if b.user() != login || b.Get("/token").Text != login {
		b.t.Errorf("%q is signed in, with a token of %q", b.user(), b.Get("/token").Text)
	}
	for _, r := range b.idp.Requests(entratest.Token) {
		if r.URL.Query().Has("client_secret") || r.Form.Get("code_verifier") == "" && r.Form.Get("grant_type") == "authorization_code" {
			b.t.Errorf("the token call: %s", r.URL)
		}
	}
}

// inBubble runs a test in virtual time.
func inBubble(f func(t *testing.T, mode fibermsal.ResponseMode)) func(*testing.T, fibermsal.ResponseMode) {
	return func(t *testing.T, mode fibermsal.ResponseMode) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) { f(t, mode) })
	}
}
