package idtoken

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

// Only RSA keys for signatures with a sufficient length are accepted. Other published keys are ignored
// (RFC 7517 section 5).
func FuzzKeys(f *testing.F) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		f.Fatal(err)
	}
	genuine, err := json.Marshal(jose.JSONWebKey{Key: key.Public(), KeyID: "one", Use: "sig"})
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{
		string(genuine), string(genuine) + "," + string(genuine), `{"kty":"oct","k":"AAAA"}`, `{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}`,
		`{"kty":"RSA","n":"AQAB","e":"AQAB"}`, `{"kty":"RSA","n":"","e":""}`, `{"kty":"RSA","use":"enc","n":"AQAB","e":"AQAB"}`, `null`, `1`, `[]`, `{"issuer":1}`,
		`{"kty":"AKP","alg":"ML-DSA-44","pub":"AA"}`, `{"kty":"RSA","x5c":["AA"],"n":"AQAB","e":"AQAB"}`, `{"kty":"OKP","crv":"Ed25519","x":"AA"}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, published string) {
		for _, k := range parseKeys([]byte(`{"keys":[` + published + `]}`)) {
			if k.public == nil || k.public.N.BitLen() < minKeyBits || k.public.E < 2 {
				t.Fatalf("accepted from %s", published)
			}
		}
		document := []byte(`{"keys":[` + string(genuine) + `,` + published + `]}`)
		if beside := parseKeys(document); json.Valid(document) && (len(beside) == 0 || beside[0].id != "one") {
			t.Fatalf("the genuine key is not found beside %s", published)
		}
		parseKeys([]byte(published))
	})
}
