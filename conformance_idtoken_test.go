package fibermsal_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"

	"github.com/fibermsal/fibermsal/entratest"
)

// idTokenConformance are the tests of the claims of the ID token.
func idTokenConformance() []conformance {
	return []conformance{
		accepting("oidcc-client-test", "does nothing wrong", func(*entratest.Server) {}),
		refusing("oidcc-client-test-invalid-iss", "appends `1` to `iss`", "id_token_issuer", func(token *entratest.IDToken) {
			issuer, _ := token.Claims["iss"].(string)
			token.Claims["iss"] = issuer + "1"
		}),
		refusing("oidcc-client-test-missing-sub", "omits `sub`", "id_token_claims", without("sub")),
		refusing("oidcc-client-test-invalid-aud", "puts another client into `aud`", "id_token_audience", func(token *entratest.IDToken) {
			audience, _ := token.Claims["aud"].(string)
			token.Claims["aud"] = audience + "1"
		}),
		refusing("oidcc-client-test-missing-aud", "omits `aud`", "id_token_audience", without("aud")),
		refusing("oidcc-client-test-missing-iat", "omits `iat`", "id_token_claims", without("iat")),
		refusing("oidcc-client-test-nonce-invalid", "changes the nonce", "id_token_nonce", func(token *entratest.IDToken) {
			nonce, _ := token.Claims["nonce"].(string)
			token.Claims["nonce"] = nonce + "1"
		}),
	}
}

func without(claim string) func(*entratest.IDToken) {
	return func(token *entratest.IDToken) { delete(token.Claims, claim) }
}

// signatureConformance are the tests of the ID token's signature. In the code flow the suite lets a client skip
// it, because the token comes from the token endpoint (OpenID Connect Core section 3.1.3.7, item 6).
func signatureConformance() []conformance {
	const reason = "id_token_signature"
	rs256 := accepting("oidcc-client-test-idtoken-sig-rs256", "signs with RS256", func(*entratest.Server) {})
	none := refusing("oidcc-client-test-idtoken-sig-none", "sends an unsigned ID token", reason, (*entratest.IDToken).Unsign)
	none.must, none.verdict = "signs in, or refuses the ID token", stricter
	corrupt := refusing("oidcc-client-test-invalid-sig-rs256", "breaks the RS256 signature", reason, (*entratest.IDToken).Corrupt)
	hs256 := refusing("oidcc-client-test-invalid-sig-hs256", "signs with HS256", reason, nil)
	hs256.remark = "refused even with the client secret as the key"
	hs256.run = refusal(reason, func(idp *entratest.Server) {
		idp.TamperIDToken(func(token *entratest.IDToken) { token.SignHS256([]byte(idp.ClientSecret)) })
	})
	es256 := refusing("oidcc-client-test-invalid-sig-es256", "signs with ES256", reason, func(token *entratest.IDToken) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			panic(err) // no randomness
		}
		token.SignES256(key)
	})
	return []conformance{rs256, none, corrupt, hs256, es256}
}
