package fibermsal_test

import (
	"strings"
	"testing"

	"github.com/fibermsal/fibermsal/entratest"
)

// signatureRows are tokens with other algorithms, keys and formats. An algorithm or key in the token
// itself must not be trusted (RFC 8725 sections 2.1 and 3.1).
func signatureRows(t *testing.T) []tokenRow {
	t.Helper()
	k := newAttackers(t)
	const bad, malformed = "access_token_signature", "access_token_malformed"
	return []tokenRow{
		{"alg none", bad, (*entratest.AccessToken).Unsign},
		{"alg nOnE", bad, changes((*entratest.AccessToken).Unsign, header("alg", "nOnE"))},
		{"alg none with the signature", bad, header("alg", "none")},
		{"no alg", bad, header("alg", nil)},
		{"a number as alg", bad, header("alg", 256)},
		{"RS512", bad, (*entratest.AccessToken).SignRS512},
		{"alg PS256", bad, header("alg", "PS256")},
		{"alg rs256", bad, header("alg", "rs256")},
		{"ES256", bad, k.signEC},
		{"HS256 with the public key as PEM", bad, func(a *entratest.AccessToken) { a.SignHS256(pemOf(t, a.PublicKey)) }},
		{"HS256 with the modulus", bad, func(a *entratest.AccessToken) { a.SignHS256(a.PublicKey.N.Bytes()) }},
		{"HS256 without a secret", bad, func(a *entratest.AccessToken) { a.SignHS256(nil) }},
		{"a changed bit", bad, (*entratest.AccessToken).Corrupt},
		{"no signature", bad, func(a *entratest.AccessToken) { a.Sign = func([]byte) []byte { return nil } }},
		{"another key", bad, k.sign},
		{"another key without an ID", bad, changes(k.sign, header("kid", nil))},
		{"another key in the header", bad, changes(k.sign, header("jwk", jwkOf(k.rsa)))},
		{"another key at an address", bad, changes(k.sign, header("jku", "https://evil.example/keys"))},
		{"a certificate at an address", bad, changes(k.sign, header("x5u", "https://evil.example/cert"))},
		{"the key of personal accounts", bad, (*entratest.AccessToken).SignForeign},
		{"the key of personal accounts without an ID", bad, changes((*entratest.AccessToken).SignForeign, header("kid", nil))},
		{"an unknown key", bad, header("kid", "unknown")},
		{"a number as key", bad, header("kid", 7)},
		{"no key ID", ofAUser, header("kid", nil)}, // the published keys are tried
		{"an extension that is critical", bad, header("crit", []string{"exp"})},
		{"an unencoded payload", bad, changes(header("b64", false), header("crit", []string{"b64"}))},
		{"an extension that changes nothing", bad, changes(header("b64", true), header("crit", []string{"b64"}))},
		{"two algs", malformed, headerText(func(h string) string { return `{"alg":"none",` + h[1:] })},
		{"two algs, one escaped", malformed, headerText(func(h string) string { return `{"\u0061lg":"RS256",` + h[1:] })},
		{"a list as header", malformed, headerText(func(h string) string { return "[" + h + "]" })},
		{"typ of an ID token", malformed, header("typ", "id_token+jwt")},
		{"typ of a proof of possession", malformed, header("typ", "dpop+jwt")},
		{"typ of a logout token", malformed, header("typ", "logout+jwt")},
		{"typ of a secured answer", malformed, header("typ", "oauth-authz-req+jwt")},
		{"a number as typ", malformed, header("typ", 1)},
		{"an empty typ", malformed, header("typ", "")},
		{"typ of RFC 9068", ofAUser, header("typ", "at+jwt")},
		{"no typ", ofAUser, header("typ", nil)},
		{"two parts", malformed, func(a *entratest.AccessToken) { a.Raw = "eyJhbGciOiJub25lIn0.e30" }},
		{"five parts", malformed, rawToken(func(raw string) string { return raw + ".x.y" })},
		{"an opaque token", malformed, func(a *entratest.AccessToken) { a.Raw = "EwB" + strings.Repeat("x", 500) }},
		{"parts that are not base64url", malformed, func(a *entratest.AccessToken) { a.Raw = "a+b.c/d.e" }},
		{"padding", "authorization_malformed", rawToken(func(raw string) string { return strings.Replace(raw, ".", "==.", 1) })},
	}
}
