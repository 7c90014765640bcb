package idtoken_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"maps"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/fibermsal/fibermsal/internal/idtoken"
)

const tenant = "11111111-2222-3333-4444-555555555555"

// authority signs tokens and publishes keys.
type authority struct {
	key     *rsa.PrivateKey
	id      string
	down    atomic.Bool
	fetches atomic.Int32
}

func newAuthority(tb testing.TB) *authority {
	tb.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		tb.Fatal(err)
	}
	return &authority{key: key, id: "one"}
}

func (a *authority) fetch(context.Context) ([]byte, error) {
	a.fetches.Add(1)
	if a.down.Load() {
		return nil, errors.New("down")
	}
	return json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: a.key.Public(), KeyID: a.id, Use: "sig"}}})
}

func (a *authority) verifier() *idtoken.Verifier {
	return &idtoken.Verifier{
		Issuer: "https://login.example/{tenantid}/v2.0", Tenants: []string{tenant}, ClientID: "client",
		Keys: idtoken.NewKeySet(a.fetch), Skew: 5 * time.Minute,
	}
}

func (a *authority) sign(tb testing.TB, payload string) string {
	tb.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: a.key},
		(&jose.SignerOptions{}).WithHeader("kid", a.id))
	if err != nil {
		tb.Fatal(err)
	}
	signed, err := signer.Sign([]byte(payload))
	if err != nil {
		tb.Fatal(err)
	}
	raw, err := signed.CompactSerialize()
	if err != nil {
		tb.Fatal(err)
	}
	return raw
}

// validPayload returns a payload that passes all checks.
func validPayload() string {
	now := time.Now()
	payload, _ := json.Marshal(map[string]any{
		"iss": "https://login.example/" + tenant + "/v2.0", "aud": "client", "tid": tenant, "oid": "o", "sub": "s",
		"nonce": "n", "exp": now.Add(time.Hour).Unix(), "iat": now.Unix(), "nbf": now.Unix(),
	})
	return string(payload)
}

// claims returns a payload with changes. nil removes a claim.
func claims(tb testing.TB, changes map[string]any) string {
	tb.Helper()
	all := map[string]any{}
	if err := json.Unmarshal([]byte(validPayload()), &all); err != nil {
		tb.Fatal(err)
	}
	maps.Copy(all, changes)
	maps.DeleteFunc(all, func(_ string, value any) bool { return value == nil })
	payload, err := json.Marshal(all)
	if err != nil {
		tb.Fatal(err)
	}
	return string(payload)
}

func TestVerify(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	v := a.verifier()
	claims, err := v.Verify(t.Context(), a.sign(t, validPayload()), "n")
	if err != nil || claims.ObjectID != "o" || claims.TenantID != tenant {
		t.Fatalf("%+v, %v", claims, err)
	}
	for _, nonce := range []string{"", "m"} {
		if _, err := v.Verify(t.Context(), a.sign(t, validPayload()), nonce); err == nil {
			t.Errorf("nonce %q passes", nonce)
		}
	}
	if _, err := v.VerifyRefreshed(t.Context(), a.sign(t, validPayload()), time.Now()); err != nil {
		t.Errorf("a refreshed one: %v", err)
	}
}

// A foreign attempt has no nonce, and a token without one must not fit it.
func TestA8_AnAttemptWithoutANonceAcceptsNoToken(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	for name, nonce := range map[string]any{"missing": nil, "empty": ""} {
		_, err := a.verifier().Verify(t.Context(), a.sign(t, claims(t, map[string]any{"nonce": nonce})), "")
		if refused := (*idtoken.Error)(nil); !errors.As(err, &refused) || refused.Reason != idtoken.WrongNonce {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Each claim that decides something is wrong once, in tokens that the authority has signed.
func TestVerify_RefusesEachWrongClaim(t *testing.T) {
	t.Parallel()
	const other, unlike = "99999999-2222-3333-4444-555555555555", "abcdefab-2222-3333-4444-555555555555"
	a := newAuthority(t)
	one, many, personal := a.verifier(), a.verifier(), a.verifier()
	many.AnyTenant, personal.AnyTenant, personal.Personal = true, true, true
	of := func(tenant string) map[string]any {
		return map[string]any{"tid": tenant, "iss": "https://login.example/" + tenant + "/v2.0"}
	}
	from := func(claim string, after time.Duration) map[string]any {
		return map[string]any{claim: time.Now().Add(after).Unix()}
	}
	type changes = map[string]any
	for name, row := range map[string]struct {
		v       *idtoken.Verifier
		changes changes
		want    idtoken.Reason // none for a token that is accepted
	}{
		"honest":                       {one, nil, ""},
		"another audience":             {one, changes{"aud": "other"}, idtoken.WrongAudience},
		"for another party":            {one, changes{"azp": "other"}, idtoken.WrongAudience},
		"two audiences":                {one, changes{"aud": []string{"client", "other"}, "azp": "client"}, ""},
		"two, and no party":            {one, changes{"aud": []string{"client", "other"}}, idtoken.WrongAudience},
		"two, and another party":       {one, changes{"aud": []string{"client", "other"}, "azp": "other"}, idtoken.WrongAudience},
		"two others":                   {one, changes{"aud": []string{"x", "other"}, "azp": "client"}, idtoken.WrongAudience},
		"another tenant":               {one, of(other), idtoken.TenantNotAllowed},
		"another tenant's issuer":      {one, changes{"iss": of(other)["iss"]}, idtoken.WrongIssuer},
		"any tenant":                   {many, of(other), ""},
		"any tenant, another's issuer": {many, changes{"tid": other}, idtoken.WrongIssuer},
		"a tenant in capitals":         {many, of(strings.ToUpper(unlike)), idtoken.TenantNotAllowed},
		"a tenant that is none":        {many, of("common"), idtoken.TenantNotAllowed},
		"a personal account":           {many, of(idtoken.ConsumersTenant), idtoken.TenantNotAllowed},
		"a personal account that may":  {personal, of(idtoken.ConsumersTenant), ""},
		"expired, as clocks differ":    {one, from("exp", -4*time.Minute), ""},
		"expired":                      {one, from("exp", -6*time.Minute), idtoken.OutOfTime},
		"not valid yet":                {one, from("nbf", 6*time.Minute), idtoken.OutOfTime},
		"issued in the future":         {one, from("iat", 6*time.Minute), idtoken.OutOfTime},
		"valid forever":                {one, changes{"exp": json.RawMessage("1e300")}, idtoken.OutOfTime},
		"issued before the epoch":      {one, changes{"iat": -1}, idtoken.OutOfTime},
		"no exp":                       {one, changes{"exp": nil}, idtoken.MissingClaim},
		"no iat":                       {one, changes{"iat": nil}, idtoken.MissingClaim},
		"no oid":                       {one, changes{"oid": nil}, idtoken.MissingClaim},
		"no sub":                       {one, changes{"sub": nil}, idtoken.MissingClaim},
		"no tid":                       {one, changes{"tid": nil}, idtoken.MissingClaim},
	} {
		_, err := row.v.Verify(t.Context(), a.sign(t, claims(t, row.changes)), "n")
		refused := new(idtoken.Error)
		if errors.As(err, &refused); err == nil && row.want != "" || err != nil && refused.Reason != row.want {
			t.Errorf("%s: %v, want %q", name, err, row.want)
		}
	}
}

func TestB11_ALongTokenIsNotParsed(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	for more, accept := range map[int]bool{40 << 10: true, 50 << 10: false} { // of which base64 makes a third more
		raw := a.sign(t, claims(t, map[string]any{"x": strings.Repeat("x", more)}))
		if _, err := a.verifier().Verify(t.Context(), raw, "n"); (err == nil) != accept {
			t.Errorf("%d bytes: %v", len(raw), err)
		}
	}
}

// B11: the cost of hostile input is limited, and no unsigned token is accepted.
//
// Not parallel: allocations are counted.
func TestB11_HostileTokensAreRefusedCheaply(t *testing.T) {
	v := newAuthority(t).verifier()
	for name, raw := range map[string]string{
		"dots":            strings.Repeat(".", 1_000_000),
		"too long":        strings.Repeat("A", 64<<10) + ".A.A",
		"deep JSON":       "e30." + strings.Repeat("W1tb", 16_000) + ".A",
		"empty":           "",
		"two parts":       "e30.e30",
		"JSON serialized": `{"payload":"e30","signatures":[]}`,
	} {
		if _, err := v.Verify(t.Context(), raw, "n"); err == nil {
			t.Errorf("%s passes", name)
		}
		if allocated := testing.AllocsPerRun(3, func() { _, _ = v.Verify(context.Background(), raw, "n") }); allocated > 5000 {
			t.Errorf("%s: %v allocations", name, allocated)
		}
	}
}

func FuzzVerify(f *testing.F) {
	a := newAuthority(f)
	v := a.verifier()
	genuine := a.sign(f, validPayload())
	f.Add(genuine)
	f.Add("eyJhbGciOiJub25lIn0.e30.")
	f.Add(strings.Repeat(".", 100))
	f.Fuzz(func(t *testing.T, raw string) {
		claims, err := v.Verify(t.Context(), raw, "n")
		if err == nil && claims.ObjectID != "o" {
			t.Fatalf("passes: %q", raw)
		}
		if err != nil && len(raw) > 40 && strings.Contains(err.Error(), raw) {
			t.Fatalf("the error repeats the token: %v", err)
		}
	})
}

// Names of claims are case-sensitive (RFC 7519 section 10.1.1), so a claim that a tenant adds to
// its tokens under a similar name is another claim.
func TestB9_AClaimOfASimilarNameIsAnother(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	v := a.verifier()
	for _, name := range []string{"OID", "Oid", "TID", "Iss", "I\u017fs", "SUB", "AUD", "Nonce", "EXP", "Acrs", "Roles"} {
		payload := strings.TrimSuffix(validPayload(), "}") + `,"` + name + `":["` + tenant + `"]}`
		c, err := v.Verify(t.Context(), a.sign(t, payload), "n")
		if err != nil || c.ObjectID != "o" || c.Subject != "s" || c.AuthContexts != nil || c.Roles != nil {
			t.Errorf("%s: %+v, %v", name, c, err)
		}
		if name == "Oid" {
			payload = strings.Replace(validPayload(), `"oid"`, `"Oid"`, 1)
			if c, err := v.Verify(t.Context(), a.sign(t, payload), "n"); err == nil {
				t.Errorf("in the place of ours: %+v", c)
			}
		}
	}
}
