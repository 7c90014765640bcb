package accesstoken_test

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/fibermsal/fibermsal/internal/accesstoken"
	"github.com/fibermsal/fibermsal/internal/idtoken"
)

const tenant = "11111111-2222-3333-4444-555555555555"

// authority signs tokens and publishes keys.
type authority struct {
	key  *rsa.PrivateKey
	keys *idtoken.KeySet
	now  time.Time
}

func newAuthority(tb testing.TB) *authority {
	tb.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		tb.Fatal(err)
	}
	a := &authority{key: key, now: time.Now()}
	a.keys = idtoken.NewKeySet(func(context.Context) ([]byte, error) {
		return json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "one", Use: "sig"}}})
	})
	return a
}

func (a *authority) verifier() *accesstoken.Verifier {
	return &accesstoken.Verifier{
		ClientID: "client", Skew: 5 * time.Minute,
		Admits: func(t string) bool { return t == tenant },
		Issuer: func(context.Context, string) (accesstoken.Issuer, error) {
			return accesstoken.Issuer{Name: "https://login.example/{tenantid}/v2.0", Keys: a.keys}, nil
		},
	}
}

// claims are those of an honest token, with changes. nil removes a claim.
func (a *authority) claims(changes map[string]any) map[string]any {
	c := map[string]any{
		"ver": "2.0", "iss": "https://login.example/" + tenant + "/v2.0", "aud": "client", "tid": tenant, "oid": "o", "sub": "s", "azp": "app",
		"exp": a.now.Add(time.Hour).Unix(), "iat": a.now.Unix(), "nbf": a.now.Unix(), "scp": "Read Write",
	}
	maps.Copy(c, changes)
	maps.DeleteFunc(c, func(_ string, value any) bool { return value == nil })
	return c
}

func (a *authority) sign(tb testing.TB, claims any) string {
	tb.Helper()
	return a.signAs(tb, "JWT", claims)
}

// signAs signs a token of a type.
func (a *authority) signAs(tb testing.TB, typ string, claims any) string {
	tb.Helper()
	payload, err := json.Marshal(claims)
	if err != nil {
		tb.Fatal(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	input := encode([]byte(`{"alg":"RS256","kid":"one","typ":"`+typ+`"}`)) + "." + encode(payload)
	sum := sha256.Sum256([]byte(input))
	signature, err := rsa.SignPKCS1v15(rand.Reader, a.key, crypto.SHA256, sum[:])
	if err != nil {
		tb.Fatal(err)
	}
	return input + "." + encode(signature)
}

// A policy of the tenant can change the type of any claim. Claims that are not used for decisions are
// used if possible, and otherwise ignored.
func TestVerify_ReadsTheClaims(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	v := a.verifier()
	type c = *accesstoken.Claims
	for name, row := range map[string]struct {
		changes map[string]any
		read    func(c c) any
		want    any
	}{
		"scopes":                {nil, func(c c) any { return c.Scopes }, []string{"Read", "Write"}},
		"scopes with spaces":    {map[string]any{"scp": "  Read \t Write "}, func(c c) any { return c.Scopes }, []string{"Read", "Write"}},
		"a slash and a scope":   {map[string]any{"scp": "/ Read"}, func(c c) any { return c.Scopes }, []string{"Read"}},
		"roles":                 {map[string]any{"roles": []string{"A", "", "B"}}, func(c c) any { return c.Roles }, []string{"A", "B"}},
		"one role":              {map[string]any{"roles": "A"}, func(c c) any { return c.Roles }, []string{"A"}},
		"roles and a number":    {map[string]any{"roles": []any{"A", 7}}, func(c c) any { return len(c.Roles) }, 0},
		"no roles":              {map[string]any{"roles": 7}, func(c c) any { return len(c.Roles) }, 0},
		"groups":                {map[string]any{"groups": []string{"g"}}, func(c c) any { return c.Groups }, []string{"g"}},
		"groups elsewhere":      {map[string]any{"_claim_names": map[string]string{"groups": "src1"}}, func(c c) any { return c.GroupsElsewhere }, true},
		"others elsewhere":      {map[string]any{"_claim_names": map[string]string{"x": "src1"}}, func(c c) any { return c.GroupsElsewhere }, false},
		"hasgroups":             {map[string]any{"hasgroups": true}, func(c c) any { return c.GroupsElsewhere }, true},
		"hasgroups as a text":   {map[string]any{"hasgroups": "true"}, func(c c) any { return c.GroupsElsewhere }, true},
		"hasgroups false":       {map[string]any{"hasgroups": false}, func(c c) any { return c.GroupsElsewhere }, false},
		"preferred_username":    {map[string]any{"preferred_username": "a", "upn": "b", "unique_name": "c"}, func(c c) any { return c.Username }, "a"},
		"upn":                   {map[string]any{"upn": "b", "unique_name": "c"}, func(c c) any { return c.Username }, "b"},
		"unique_name":           {map[string]any{"unique_name": "c"}, func(c c) any { return c.Username }, "c"},
		"a number as username":  {map[string]any{"preferred_username": 7}, func(c c) any { return c.Username }, ""},
		"a name with escapes":   {map[string]any{"name": "Adèle \"<Vance>\"\n"}, func(c c) any { return c.Name }, "Adèle \"<Vance>\"\n"},
		"contexts":              {map[string]any{"acrs": []string{"c1", "c2"}}, func(c c) any { return c.AuthContexts }, []string{"c1", "c2"}},
		"one context":           {map[string]any{"acrs": "c1"}, func(c c) any { return c.AuthContexts }, []string{"c1"}},
		"auth_time":             {map[string]any{"auth_time": 7}, func(c c) any { return c.AuthenticatedAt }, int64(7)},
		"auth_time as a text":   {map[string]any{"auth_time": "7"}, func(c c) any { return c.AuthenticatedAt }, int64(0)},
		"capabilities":          {map[string]any{"xms_cc": []string{"cp1"}}, func(c c) any { return c.Capabilities }, []string{"cp1"}},
		"one capability":        {map[string]any{"xms_cc": "cp1"}, func(c c) any { return c.Capabilities }, []string{"cp1"}},
		"a facet like an agent": {map[string]any{"xms_act_fct": "3 111 9"}, func(c c) any { return c.IsAgent() }, false},
		"a number as facet":     {map[string]any{"xms_act_fct": 11}, func(c c) any { return c.IsAgent() }, false},
		"a user with oid = sub": {map[string]any{"sub": "o", "idtyp": "user"}, func(c c) any { return c.AppOnly }, false},
		"an agent, unscoped":    {map[string]any{"scp": "/", "roles": "A"}, func(c c) any { return c.AppOnly }, true},
		"and with a scope":      {map[string]any{"scp": "/ Read", "roles": "A"}, func(c c) any { return c.AppOnly }, false},
		"an app by idtyp":       {map[string]any{"idtyp": "app"}, func(c c) any { return c.AppOnly }, true},
		"a device":              {map[string]any{"idtyp": "device"}, func(c c) any { return c.AppOnly }, true},
		"an app with scopes":    {map[string]any{"sub": "o"}, func(c c) any { return c.AppOnly }, true},
		"the client":            {map[string]any{"appid": "other"}, func(c c) any { return c.ClientID }, "app"},
	} {
		claims, err := v.Verify(t.Context(), []byte(a.sign(t, a.claims(row.changes))))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if got := row.read(claims); fmt.Sprintf("%#v", got) != fmt.Sprintf("%#v", row.want) {
			t.Errorf("%s: %#v, want %#v", name, got, row.want)
		}
	}
}

func TestClaim_DecodesAnyClaim(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	claims, err := a.verifier().Verify(t.Context(), []byte(a.sign(t, a.claims(map[string]any{"own": map[string]int{"a": 1}, "null": json.RawMessage("null")}))))
	if err != nil {
		t.Fatal(err)
	}
	var own struct{ A int }
	if present, err := claims.Claim("own", &own); !present || err != nil || own.A != 1 {
		t.Errorf("%v %v %v", present, err, own)
	}
	if present, err := claims.Claim("own", new(string)); !present || err == nil {
		t.Errorf("of another type: %v %v", present, err)
	}
	for name, want := range map[string]bool{"null": true, "Own": false, "": false, "scp": true} {
		if present, err := claims.Claim(name, new(any)); present != want || err != nil {
			t.Errorf("%q: %v %v", name, present, err)
		}
	}
}

// Times are compared in seconds, and both ends are valid.
func TestCheckTime_AllowsTheDifferenceOfClocks(t *testing.T) {
	t.Parallel()
	const skew = 300
	c := &accesstoken.Claims{Expiry: 10_000, NotBefore: 2_000, IssuedAt: 1_000}
	for at, valid := range map[int64]bool{2_000 - skew - 1: false, 2_000 - skew: true, 5_000: true, 10_000 + skew: true, 10_000 + skew + 1: false} {
		if err := c.CheckTime(time.Unix(at, 999_999_999), skew*time.Second); (err == nil) != valid {
			t.Errorf("at %d: %v", at, err)
		}
	}
	for name, c := range map[string]*accesstoken.Claims{
		"the largest exp":  {Expiry: 1<<63 - 1, NotBefore: 1, IssuedAt: 1},
		"the largest nbf":  {Expiry: 10_000, NotBefore: 1<<63 - 1, IssuedAt: 1},
		"the smallest exp": {Expiry: -1 << 63, NotBefore: 1, IssuedAt: 1},
		"the largest iat":  {Expiry: 10_000, NotBefore: 1, IssuedAt: 1<<63 - 1},
	} {
		if err := c.CheckTime(time.Unix(5_000, 0), skew*time.Second); err == nil {
			t.Errorf("%s passes", name)
		}
	}
}

func TestVerify_RefusesTypesOfOtherMeaning(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	v := a.verifier()
	for _, claim := range []string{"ver", "iss", "tid", "oid", "sub", "azp", "exp", "iat", "nbf", "idtyp", "aud"} {
		for _, value := range []string{`[1]`, `{}`, `true`, `null`, `1.5`, `""`} {
			if claim == "idtyp" && value == `""` {
				continue // says nothing
			}
			_, err := v.Verify(t.Context(), []byte(a.sign(t, a.claims(map[string]any{claim: json.RawMessage(value)}))))
			if refused := (*accesstoken.Error)(nil); !errors.As(err, &refused) {
				t.Errorf("%s %s: %v", claim, value, err)
			}
		}
	}
}

// Each part that decides something is wrong once, in tokens that the authority has signed.
func TestVerify_RefusesEachWrongToken(t *testing.T) {
	t.Parallel()
	const other = "99999999-2222-3333-4444-555555555555"
	a := newAuthority(t)
	type changes = map[string]any
	for name, row := range map[string]struct {
		typ     string
		changes changes
		want    accesstoken.Reason // none for a token that is accepted
	}{
		"honest":                  {"JWT", nil, ""},
		"of the type of RFC 9068": {"at+jwt", nil, ""},
		"of another type":         {"id+jwt", nil, accesstoken.Malformed},
		"of no type's name":       {"", nil, accesstoken.Malformed},
		"of another version":      {"JWT", changes{"ver": "3.0"}, accesstoken.WrongVersion},
		"another audience":        {"JWT", changes{"aud": "other"}, accesstoken.WrongAudience},
		"two audiences":           {"JWT", changes{"aud": []string{"client", "other"}}, accesstoken.WrongAudience},
		"another tenant":          {"JWT", changes{"tid": other, "iss": "https://login.example/" + other + "/v2.0"}, accesstoken.TenantNotAllowed},
		"another tenant's issuer": {"JWT", changes{"iss": "https://login.example/" + other + "/v2.0"}, accesstoken.WrongIssuer},
		"an ID token":             {"JWT", changes{"nonce": "n"}, accesstoken.IsIDToken},
		"no permission":           {"JWT", changes{"scp": nil}, accesstoken.NoPermission},
		"only roles":              {"JWT", changes{"scp": nil, "roles": "A"}, ""},
	} {
		_, err := a.verifier().Verify(t.Context(), []byte(a.signAs(t, row.typ, a.claims(row.changes))))
		refused := new(accesstoken.Error)
		if errors.As(err, &refused); err == nil && row.want != "" || err != nil && refused.Reason != row.want {
			t.Errorf("%s: %v, want %q", name, err, row.want)
		}
	}
}

// A token must have only one encoding, because its cached data, and the calls on behalf of its user,
// are found by its hash. The last digit of a signature has four unused bits.
func TestVerify_RefusesOtherTextsOfASignature(t *testing.T) {
	t.Parallel()
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	a := newAuthority(t)
	genuine := a.sign(t, a.claims(nil))
	accepted := 0
	for _, digit := range digits {
		if _, err := a.verifier().Verify(t.Context(), []byte(genuine[:len(genuine)-1]+string(digit))); err == nil {
			accepted++
		}
	}
	if accepted != 1 {
		t.Errorf("%d texts of one token are accepted", accepted)
	}
}

func TestVerify_BoundsTheLength(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	for more, accept := range map[int]bool{20 << 10: true, 30 << 10: false} {
		raw := a.sign(t, a.claims(map[string]any{"x": strings.Repeat("x", more)}))
		if _, err := a.verifier().Verify(t.Context(), []byte(raw)); (err == nil) != accept {
			t.Errorf("%d bytes: %v", len(raw), err)
		}
	}
}

func TestError_HasAHintAndNoPartOfTheToken(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	raw := a.sign(t, a.claims(map[string]any{"aud": "other-audience"}))
	_, err := a.verifier().Verify(t.Context(), []byte(raw))
	var refused *accesstoken.Error
	if !errors.As(err, &refused) || refused.Reason != accesstoken.WrongAudience || strings.Contains(err.Error(), "other-audience") {
		t.Fatalf("%v", err)
	}
	if hint := refused.Reason.Hint(); !strings.Contains(hint, "Config.Audiences") || accesstoken.BadSignature.Hint() != string(accesstoken.BadSignature) {
		t.Errorf("%q", hint)
	}
}

// B11: the cost of hostile input is bounded.
//
// Not parallel: allocations are counted.
func TestB11_HostileAccessTokensAreRefusedCheaply(t *testing.T) {
	a := newAuthority(t)
	v := a.verifier()
	encode := base64.RawURLEncoding.EncodeToString
	for name, raw := range map[string]string{
		"dots":         strings.Repeat(".", 32<<10),
		"too long":     strings.Repeat("A", 64<<10) + ".A.A",
		"deep JSON":    "e30." + encode([]byte(`{"a":`+strings.Repeat("[", 10_000)+strings.Repeat("]", 10_000)+"}")) + ".A",
		"many members": "e30." + encode([]byte(`{"a":1`+strings.Repeat(`,"aaa":1`, 2_000)+"}")) + ".A",
	} {
		if _, err := v.Verify(t.Context(), []byte(raw)); err == nil {
			t.Errorf("%s passes", name)
		}
		if allocated := testing.AllocsPerRun(3, func() { _, _ = v.Verify(context.Background(), []byte(raw)) }); allocated > 50 {
			t.Errorf("%s: %v allocations", name, allocated)
		}
	}
}

// No unsigned token is accepted, and no error contains a token.
func FuzzVerify(f *testing.F) {
	a := newAuthority(f)
	v := a.verifier()
	genuine := a.sign(f, a.claims(nil))
	f.Add(genuine)
	f.Add(genuine[:len(genuine)-4])
	f.Add("eyJhbGciOiJub25lIn0.e30.")
	f.Add(strings.Repeat(".", 100))
	f.Add(a.sign(f, a.claims(map[string]any{"aud": "other"})))
	f.Fuzz(func(t *testing.T, raw string) {
		claims, err := v.Verify(t.Context(), []byte(raw))
		if err == nil && (claims.ObjectID != "o" || claims.Audience != "client") {
			t.Fatalf("passes: %q", raw)
		}
		if err != nil && len(raw) > 40 && strings.Contains(err.Error(), raw) {
			t.Fatalf("the error repeats the token: %v", err)
		}
	})
}
