package idtoken_test

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/fibermsal/fibermsal/internal/idtoken"
	"github.com/fibermsal/fibermsal/internal/jws"
)

// A key set without issuers uses the issuers of the set that has them, for keys that are in both
// (threat B5).
func TestNamedBy_DecidesWhoseKeyItIs(t *testing.T) {
	t.Parallel()
	const own, other = "https://login.example/own/v2.0", "https://login.example/other/v2.0"
	a, b := newAuthority(t), newAuthority(t)
	b.id = "two"
	published := func(of *authority, issuer string) func(context.Context) ([]byte, error) {
		return func(ctx context.Context) ([]byte, error) {
			set, err := of.fetch(ctx)
			if issuer == "" {
				return set, err
			}
			return []byte(strings.Replace(string(set), `"use":`, `"issuer":"`+issuer+`","use":`, 1)), err
		}
	}
	down := func(context.Context) ([]byte, error) { return nil, errors.New("down") }
	both := func(context.Context) ([]byte, error) {
		set := func(issuer string) map[string]any {
			key, err := json.Marshal(jose.JSONWebKey{Key: a.key.Public(), KeyID: "one", Use: "sig"})
			members := map[string]any{}
			if err = errors.Join(err, json.Unmarshal(key, &members)); err != nil {
				t.Error(err)
			}
			members["issuer"] = issuer
			return members
		}
		return json.Marshal(map[string]any{"keys": []any{set(other), set(own)}})
	}
	for name, row := range map[string]struct {
		keys, naming func(context.Context) ([]byte, error)
		want         string
	}{
		"named as the issuer's":       {published(a, ""), published(a, own), ""},
		"named as another's":          {published(a, ""), published(a, other), "no published key"},
		"named as both's":             {published(a, ""), both, ""},
		"not named":                   {published(a, ""), published(a, ""), ""},
		"not in the other set":        {published(a, ""), published(b, other), ""},
		"the other set is down":       {published(a, ""), down, "unavailable"},
		"named by itself":             {published(a, own), down, ""},
		"named by itself as others'":  {published(a, other), published(a, own), "no published key"},
		"there is no set that names":  {published(a, ""), nil, ""},
		"another key of the same set": {published(b, ""), published(a, own), "no published key"},
	} {
		keys := idtoken.NewKeySet(row.keys)
		if row.naming != nil {
			keys = keys.NamedBy(idtoken.NewKeySet(row.naming))
		}
		err := keys.Verify(t.Context(), signedBy(t, a.key, "one"), own)
		if (err == nil) != (row.want == "") || err != nil && !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: %v, want %q", name, err, row.want)
		}
	}
}

// signedBy returns the header of a token that a key with an ID has signed.
func signedBy(t *testing.T, key *rsa.PrivateKey, id string) *jws.Header {
	t.Helper()
	encode := base64.RawURLEncoding.EncodeToString
	signed := encode([]byte(`{"alg":"RS256","kid":"`+id+`"}`)) + "." + encode([]byte(`{}`))
	sum := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	parts, ok := jws.Split([]byte(signed + "." + encode(signature)))
	h, err := parts.ReadHeader()
	if !ok || err != nil {
		t.Fatal(ok, err)
	}
	return h
}
