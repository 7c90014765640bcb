package idtoken_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

// The rejected tokens are signed with the authority's own key. An extension that a header calls
// critical must be understood (RFC 7515 section 4.1.11), the payload of a JWT must be encoded (RFC
// 7797 section 7), and only the compact form is accepted.
func TestB1_ATokenIsAPlainCompactJWS(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	v := a.verifier()
	encode := base64.RawURLEncoding.EncodeToString
	signed := func(header, payload string) string {
		input := encode([]byte(header)) + "." + payload
		return input + "." + a.signature(t, input)
	}
	plain := func(more string) string { return `{"alg":"RS256","kid":"one"` + more + `}` }
	payload := encode([]byte(validPayload()))
	raw := signed(plain(""), payload)
	if _, err := v.Verify(t.Context(), raw, "n"); err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(raw, ".")
	unencoded := func(more string) string {
		header := encode([]byte(plain(more)))
		return header + "." + payload + "." + a.signature(t, header+"."+validPayload())
	}
	for name, forged := range map[string]string{
		"unknown and critical":     signed(plain(`,"crit":["exp"],"exp":1`), payload),
		"critical, but not there":  signed(plain(`,"crit":["b64"]`), payload),
		"critical and nothing":     signed(plain(`,"crit":[]`), payload),
		"b64 that is true":         signed(plain(`,"b64":true,"crit":["b64"]`), payload),
		"unencoded payload":        unencoded(`,"b64":false,"crit":["b64"]`),
		"unencoded and not said":   unencoded(`,"b64":false`),
		"two algorithms":           signed(`{"alg":"none","kid":"one","alg":"HS256"}`, payload),
		"algorithm in lower case":  signed(`{"alg":"rs256","kid":"one"}`, payload),
		"key that is not one":      signed(plain(`,"jwk":{"kty":"oct","k":"AAAA"}`), payload),
		"key id that is no string": signed(`{"alg":"RS256","kid":["one"]}`, payload),
		"no signature":             parts[0] + "." + parts[1] + ".",
		"another payload":          parts[0] + "." + encode([]byte(strings.Replace(validPayload(), `"o"`, `"p"`, 1))) + "." + parts[2],
		"four parts":               raw + "." + parts[2],
		"JSON, flattened":          `{"protected":"` + parts[0] + `","payload":"` + parts[1] + `","signature":"` + parts[2] + `"}`,
		"JSON, two signatures":     `{"payload":"` + parts[1] + `","signatures":[{"protected":"` + parts[0] + `","signature":"` + parts[2] + `"},{"protected":"` + parts[0] + `","signature":"` + parts[2] + `"}]}`,
	} {
		if _, err := v.Verify(t.Context(), forged, "n"); err == nil {
			t.Errorf("%s passes", name)
		}
	}
}

// headers are headers of tokens that the authority's key has signed.
var headers = []string{
	`{"alg":"RS256","kid":"one"}`, `{"alg":"RS256"}`, `{"kid":"one"}`, `{}`, ``, `null`, `[]`, `{"alg":"RS256","kid":"two"}`, `{"alg":"RS256","kid":""}`,
	`{"typ":"JWT","alg":"RS256","kid":"one"}`, `{"typ":5,"alg":"RS256","kid":"one"}`, ` { "alg" : "RS256" , "kid":"one" } `,
	`{"alg":"\u0052S256","kid":"one"}`, `{"ALG":"RS256","kid":"one"}`, `{"alg":"RS256","KID":"two"}`, `{"alg":"none"}`, `{"alg":"None","kid":"one"}`,
	`{"alg":"HS256","kid":"one"}`, `{"alg":"RS512","kid":"one"}`, `{"alg":"PS256","kid":"one"}`, `{"alg":"RS256 ","kid":"one"}`, `{"alg":["RS256"],"kid":"one"}`,
	`{"alg":null,"kid":"one"}`, `{"alg":"RS256","kid":null}`, `{"alg":"RS256","kid":1}`, `{"alg":"RS256","kid":"one","kid":"one"}`,
	`{"alg":"RS256","alg":"RS256","kid":"one"}`, `{"alg":"RS256","kid":"one","x":1,"x":2}`, `{"alg":"RS256","kid":"one","crit":["x"],"x":1}`,
	`{"alg":"RS256","kid":"one","b64":true}`, `{"alg":"RS256","kid":"one","b64":false}`, `{"alg":"RS256","kid":"one","crit":null}`,
	`{"alg":"RS256","kid":"one","jwk":{}}`, `{"alg":"RS256","kid":"one","jwk":null}`, `{"alg":"RS256","kid":"one","x5c":["A"]}`, `{"alg":"RS256","kid":"one","x5c":5}`,
	`{"alg":"RS256","kid":"one","jku":"https://evil.example"}`, `{"alg":"RS256","kid":"one","x5t":"a","x5u":"https://evil.example"}`, `{"alg":"RS256","kid":"one"}{}`, `{"alg":"RS256","kid":"one"`,
	`{"alg":"RS256","kid":"one","own":{"a":[1]}}`, `{"alg":"RS256","kid":"one","enc":"A256GCM"}`, `{"alg":"RS256","kid":"one","zip":"DEF"}`,
}

// go-jose is the independent reference: tokens that it refuses must be refused.
func TestB1_NoHeaderPassesThatGoJoseRefuses(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	v, passed := a.verifier(), 0
	genuine := validPayload() // whose times are those of this moment
	encode := base64.RawURLEncoding.EncodeToString
	for _, header := range headers {
		input := encode([]byte(header)) + "." + encode([]byte(genuine))
		signature := a.signature(t, input)
		for _, raw := range []string{
			input + "." + signature, input + "." + signature + "=", input + "." + signature + "\n", " " + input + "." + signature,
			input + "." + signature[:len(signature)-1], input + "." + signature[:len(signature)-1] + "_", input + "." + signature + "AAAA",
			encode([]byte(header)) + "=." + encode([]byte(genuine)) + "." + signature, input + "\n." + signature,
		} {
			_, err := v.Verify(t.Context(), raw, "n")
			if err != nil {
				continue
			}
			passed++
			if signed, refused := jose.ParseSignedCompact(raw, []jose.SignatureAlgorithm{jose.RS256}); refused != nil {
				t.Errorf("%s: go-jose refuses %q: %v", header, raw, refused)
			} else if payload, refused := signed.Verify(a.key.Public()); refused != nil || string(payload) != genuine {
				t.Errorf("%s: go-jose refuses %q: %v", header, raw, refused)
			}
		}
	}
	if passed < 8 {
		t.Errorf("only %d tokens pass", passed)
	}
}

func (a *authority) signature(tb testing.TB, input string) string {
	tb.Helper()
	sum := sha256.Sum256([]byte(input))
	signature, err := rsa.SignPKCS1v15(rand.Reader, a.key, crypto.SHA256, sum[:])
	if err != nil {
		tb.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(signature)
}
