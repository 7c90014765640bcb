package idtoken_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"
)

// A payload that the authority has signed passes only if encoding/json, which reads the last of two members too,
// finds the right issuer, audience, tenant, nonce and times in it.
func FuzzSignedClaims(f *testing.F) {
	a := newAuthority(f)
	v := a.verifier()
	for _, seed := range []string{
		validPayload(), `{}`, `[]`, `null`, validPayload()[:20], `{"iss":1}`, `{"aud":["client","other"],"azp":"client"}`,
		`{"exp":1e999}`, `{"exp":"1"}`, `{"OID":"o","oid":"p"}`, `{"oid":"o","oid":"p"}`, `{"n\u006fnce":"n"}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, payload string) {
		claims, err := v.Verify(t.Context(), a.sign(t, payload), "n")
		if err != nil {
			return
		}
		var want map[string]any
		if err := json.Unmarshal([]byte(payload), &want); err != nil {
			t.Fatalf("accepted %q: %v", payload, err)
		}
		expiry, _ := want["exp"].(float64)
		if want["iss"] != "https://login.example/"+tenant+"/v2.0" || want["tid"] != tenant || want["nonce"] != "n" ||
			want["oid"] != claims.ObjectID || want["sub"] != claims.Subject || claims.ObjectID == "" || claims.Subject == "" ||
			time.Since(time.Unix(int64(expiry), 0)) > 6*time.Minute || !isFor(want, "client") {
			t.Fatalf("accepted %q as %+v", payload, claims)
		}
	})
}

// isFor reports whether claims have a client as their audience (OpenID Connect Core section 3.1.3.7).
func isFor(claims map[string]any, client string) bool {
	if list, ok := claims["aud"].([]any); ok {
		return slices.Contains(list, any(client)) && (len(list) == 1 && claims["azp"] == nil || claims["azp"] == client)
	}
	return claims["aud"] == client && (claims["azp"] == nil || claims["azp"] == client || claims["azp"] == "")
}
