package fibermsal_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/fibermsal/fibermsal/entratest"
)

const (
	otherTenant     = "11111111-2222-3333-4444-555555555555"
	consumersTenant = "9188040d-6c67-4c5b-b112-36a304b66dad"
)

func TestB1_ForgedSignatures(t *testing.T) {
	t.Parallel()
	attackers, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, forge := range map[string]func(*entratest.IDToken){
		"alg none":         (*entratest.IDToken).Unsign,
		"changed bit":      (*entratest.IDToken).Corrupt,
		"foreign key":      func(token *entratest.IDToken) { token.SignRS256(attackers) },
		"ES256":            func(token *entratest.IDToken) { token.SignES256(curve) },
		"RS512":            (*entratest.IDToken).SignRS512,
		"HS256 with PEM":   func(token *entratest.IDToken) { token.SignHS256(pemOf(t, token.PublicKey)) },
		"HS256 with N":     func(token *entratest.IDToken) { token.SignHS256(token.PublicKey.N.Bytes()) },
		"jwk in the token": func(token *entratest.IDToken) { token.SignRS256(attackers); token.Header["jwk"] = jwkOf(attackers) },
		"jku in the token": func(token *entratest.IDToken) {
			token.SignRS256(attackers)
			token.Header["jku"] = "https://evil.example/keys"
		},
		"x5u in the token": func(token *entratest.IDToken) {
			token.SignRS256(attackers)
			token.Header["x5u"] = "https://evil.example/cert"
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rejectTampered(t, http.StatusBadRequest, "id_token_signature", forge)
		})
	}
}

func pemOf(t *testing.T, key *rsa.PublicKey) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

func jwkOf(key *rsa.PrivateKey) map[string]any {
	return map[string]any{"kty": "RSA", "e": "AQAB", "n": base64.RawURLEncoding.EncodeToString(key.N.Bytes())}
}

func TestB1_NoIDTokenIsNoSignIn(t *testing.T) {
	t.Parallel()
	b := newSite(t, newIDP(t)).browser()
	b.idp.TamperIDToken(func(token *entratest.IDToken) { token.Omit = true })
	if a := b.Send(b.approve(b.start(""), adele).Request()); a.StatusCode != http.StatusBadRequest || b.user() != "" {
		t.Errorf("status %d, user %q", a.StatusCode, b.user())
	}
}

func TestB3_AudienceMustBeThisApp(t *testing.T) {
	t.Parallel()
	client := newIDP(t).ClientID
	for name, row := range map[string]struct {
		aud, azp any
		accept   bool
	}{
		"another":                    {"other-client", nil, false},
		"missing":                    {nil, nil, false},
		"list without it":            {[]string{"a", "b"}, nil, false},
		"list of it without azp":     {[]string{client, "b"}, nil, false},
		"list of it with wrong azp":  {[]string{client, "b"}, "b", false},
		"it, but for another party":  {client, "other-client", false},
		"it, and it is the party":    {client, client, true},
		"prefix":                     {client + "0", nil, false},
		"empty list":                 {[]string{}, nil, false},
		"number":                     {7, nil, false},
		"list with a number":         {[]any{client, 7}, client, false},
		"upper case":                 {strings.ToUpper(client) + "X", nil, false},
		"list with it and right azp": {[]string{client, "b"}, client, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newSite(t, newIDP(t)).browser()
			b.idp.TamperIDToken(func(token *entratest.IDToken) {
				token.Claims["aud"], token.Claims["azp"] = row.aud, row.azp
				for _, claim := range []string{"aud", "azp"} {
					if token.Claims[claim] == nil {
						delete(token.Claims, claim)
					}
				}
			})
			a := b.Send(b.approve(b.start(""), adele).Request())
			if got := a.StatusCode == http.StatusSeeOther; got != row.accept {
				t.Errorf("accepted: %v, status %d\n%s", got, a.StatusCode, b.log)
			}
		})
	}
}

func TestB5_KeyOfAnotherIssuer(t *testing.T) {
	t.Parallel()
	for name, withoutID := range map[string]bool{"by its id": false, "without an id": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newSite(t, newIDP(t)).browser()
			b.idp.PublishForeignKey()
			b.idp.TamperIDToken(func(token *entratest.IDToken) {
				token.SignForeign()
				if withoutID {
					delete(token.Header, "kid")
				}
			})
			b.assertRejected(b.Send(b.approve(b.start(""), adele).Request()), http.StatusBadRequest, "id_token_signature")
		})
	}
}

func TestB6_Times(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		claim  string
		value  any    // a duration is one from now
		reason string // "" for acceptance
	}{
		"expires in a second":   {"exp", time.Second, ""},
		"expired 4 minutes ago": {"exp", -4 * time.Minute, ""},
		"expired 6 minutes ago": {"exp", -6 * time.Minute, "id_token_time"},
		"valid in 4 minutes":    {"nbf", 4 * time.Minute, ""},
		"valid in 6 minutes":    {"nbf", 6 * time.Minute, "id_token_time"},
		"issued in 6 minutes":   {"iat", 6 * time.Minute, "id_token_time"},
		"no exp":                {"exp", nil, "id_token_claims"},
		"no iat":                {"iat", nil, "id_token_claims"},
		"no nbf":                {"nbf", nil, ""},
		"exp as text":           {"exp", "9999999999", "id_token_malformed"},
		"exp 1e300":             {"exp", json.RawMessage("1e300"), "id_token_time"},
		"exp beyond numbers":    {"exp", json.RawMessage("1e999"), "id_token_malformed"},
		"exp negative":          {"exp", -1, "id_token_time"},
		"exp null":              {"exp", json.RawMessage("null"), "id_token_claims"},
		"nbf in the year 5138":  {"nbf", json.RawMessage("100000000000"), "id_token_time"},
		"no sub":                {"sub", nil, "id_token_claims"},
		"no oid":                {"oid", nil, "id_token_claims"},
		"no tid":                {"tid", nil, "id_token_claims"},
		"sub empty":             {"sub", "", "id_token_claims"},
		"oid a list":            {"oid", []string{"x"}, "id_token_malformed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tamper := func(token *entratest.IDToken) {
				token.Claims[row.claim] = row.value
				if after, ok := row.value.(time.Duration); ok { // parallel tests wait for their turn
					token.Claims[row.claim] = time.Now().Add(after).Unix()
				}
				if row.value == nil {
					delete(token.Claims, row.claim)
				}
			}
			if row.reason != "" {
				rejectTampered(t, http.StatusBadRequest, row.reason, tamper)
				return
			}
			b := newSite(t, newIDP(t)).browser()
			b.idp.TamperIDToken(tamper)
			b.signIn(adele)
		})
	}
}

// Users cannot set the clock of the app's machine. If the log did not contain the difference,
// administrators would look for other causes (jenkinsci/azure-ad-plugin#181, azure-cli#25003).
func TestClock_ThatIsWrongIsForTheAdministrator(t *testing.T) {
	t.Parallel()
	for ahead, says := range map[time.Duration]string{
		750 * time.Second:  `11m[0-9]+s ahead of`, // of a token that is valid for a minute
		-750 * time.Second: `12m[0-9]+s behind`,
	} {
		b := newSite(t, newIDP(t)).browser()
		b.idp.TamperIDToken(func(token *entratest.IDToken) { // as if Entra's clock was right
			at := time.Now().Add(-ahead)
			for claim, from := range map[string]time.Duration{"iat": 0, "nbf": 0, "exp": time.Minute} {
				token.Claims[claim] = at.Add(from).Unix()
			}
		})
		a := b.Send(b.approve(b.start("/guarded"), adele).Request())
		b.assertRejected(a, http.StatusBadRequest, "id_token_time")
		if _, text := link(t, a); text != "Try again" || !strings.Contains(a.Text, "tell the administrator") || strings.Contains(a.Text, "start again") {
			t.Errorf("%v: the page has %q\n%s", ahead, text, a.Text)
		}
		if log := b.log.String(); !regexp.MustCompile("set the clock, which is " + says).MatchString(log) {
			t.Errorf("%v: %s", ahead, log)
		}
	}
}

func TestA8_NonceMustBeTheOneSent(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		nonce  any
		reason string
	}{
		"missing": {nil, "id_token_nonce"},
		"empty":   {"", "id_token_nonce"},
		"another": {strings.Repeat("n", 43), "id_token_nonce"},
		"a list":  {[]string{"n"}, "id_token_malformed"},
		"number":  {1, "id_token_malformed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rejectTampered(t, http.StatusBadRequest, row.reason, func(token *entratest.IDToken) {
				if row.nonce == nil {
					delete(token.Claims, "nonce")
				} else {
					token.Claims["nonce"] = row.nonce
				}
			})
		})
	}
}

// rejectTampered signs in with a tampered id_token and checks that the only effect is one token call.
func rejectTampered(t *testing.T, status int, reason string, tamper func(*entratest.IDToken)) {
	t.Helper()
	l := newLedger()
	b := newSite(t, newIDP(t), onLedger(l)).browser()
	b.idp.TamperIDToken(tamper)
	b.assertRejected(b.Send(b.approve(b.start(""), adele).Request()), status, reason)
	if n := b.idp.Count(entratest.Token); n != 1 {
		t.Errorf("%d token calls", n)
	}
	if keys := l.keys(); len(keys) != 0 {
		t.Errorf("stored: %v", keys)
	}
	if b.user() != "" {
		t.Error("signed in")
	}
}
