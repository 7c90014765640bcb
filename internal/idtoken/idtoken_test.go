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
	"maps"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
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

func TestKeySet_AsksAgainAfterAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAuthority(t)
		v, raw := a.verifier(), a.sign(t, validPayload())
		a.down.Store(true)
		for range 10 {
			if _, err := v.Verify(t.Context(), raw, "n"); !errors.Is(err, idtoken.ErrKeysUnavailable) {
				t.Fatal(err)
			}
		}
		if n := a.fetches.Load(); n != 1 {
			t.Errorf("%d fetches at once", n)
		}
		a.down.Store(false)
		time.Sleep(2 * time.Second)
		if _, err := v.Verify(t.Context(), raw, "n"); err != nil {
			t.Error(err)
		}
	})
}

func TestKeySet_WaitingEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAuthority(t)
		v := a.verifier()
		release := make(chan struct{})
		v.Keys = idtoken.NewKeySet(func(ctx context.Context) ([]byte, error) { <-release; return a.fetch(ctx) })
		raw := a.sign(t, validPayload())
		first := make(chan error, 1)
		go func() { _, err := v.Verify(t.Context(), raw, "n"); first <- err }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := v.Verify(ctx, raw, "n"); !errors.Is(err, idtoken.ErrKeysUnavailable) {
			t.Errorf("waited on: %v", err)
		}
		close(release)
		if err := <-first; err != nil {
			t.Error(err)
		}
	})
}

func TestB2_CallersWhoComeJustAfterAFetchDoNotFetchAgain(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	token := a.sign(t, validPayload())
	a.id = "unknown"
	forged := a.sign(t, validPayload())
	a.id = "one"
	for range 200 {
		a.fetches.Store(0)
		v := a.verifier()
		if _, err := v.Verify(t.Context(), token, "n"); err != nil {
			t.Fatal(err)
		}
		var wait sync.WaitGroup
		for range 50 {
			wait.Go(func() {
				if _, err := v.Verify(t.Context(), forged, "n"); err == nil {
					t.Error("a key that is not published signed it")
				}
			})
		}
		wait.Wait()
		if n := a.fetches.Load(); n != 2 {
			t.Fatalf("%d fetches, want the first one and one for an unknown key", n)
		}
	}
}

func TestB2_AFetchThatEveryCallerHasLeftCountsAsOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAuthority(t)
		v := a.verifier()
		v.Keys = idtoken.NewKeySet(func(ctx context.Context) ([]byte, error) {
			body, err := a.fetch(ctx)
			time.Sleep(time.Second)
			return body, err
		})
		if err := v.Keys.Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
		a.id = "unknown"
		forged := a.sign(t, validPayload())
		a.id = "one"
		for range 10 {
			hasty, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			if _, err := v.Verify(hasty, forged, "n"); err == nil {
				t.Error("a key that is not published signed it")
			}
			cancel()
			time.Sleep(2 * time.Second)
		}
		if n := a.fetches.Load(); n != 2 {
			t.Errorf("%d fetches in 20 seconds, want the first one and one for an unknown key", n)
		}
	})
}

func TestKeySet_APanicInTheTransportIsAnOutage(t *testing.T) {
	t.Parallel()
	keys := idtoken.NewKeySet(func(context.Context) ([]byte, error) { panic("a transport of the app's") })
	if err := keys.Ready(t.Context()); !errors.Is(err, idtoken.ErrKeysUnavailable) {
		t.Errorf("%v", err)
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

func (a *authority) signature(tb testing.TB, input string) string {
	tb.Helper()
	sum := sha256.Sum256([]byte(input))
	signature, err := rsa.SignPKCS1v15(rand.Reader, a.key, crypto.SHA256, sum[:])
	if err != nil {
		tb.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(signature)
}
