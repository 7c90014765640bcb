package entratest_test

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fibermsal/fibermsal/entratest"
)

func TestAssertion_AuthenticatesTheApplication(t *testing.T) {
	t.Parallel()
	pair, other := newKeyPair(t, 0, time.Hour), newKeyPair(t, 1, time.Hour)
	s := newServer(t, entratest.WithoutClientSecret(), entratest.WithCertificate(other.cert), entratest.WithCertificate(pair.cert))
	padded := base64.StdEncoding.EncodeToString(func() []byte { sum := sha256.Sum256(pair.cert.Raw); return sum[:] }())
	now := time.Now().Unix()
	for name, tt := range map[string]struct{ header, payload claimSet }{
		"as documented":        {nil, nil},
		"as MSAL Go writes it": {claimSet{"x5t#S256": padded}, nil},
		"RS256 with x5t":       {claimSet{"alg": "RS256", "x5t#S256": nil, "x5t": pair.sha1()}, nil},
		"both thumbprints":     {claimSet{"x5t": pair.sha1()}, nil},
		"for the issuer":       {nil, claimSet{"aud": s.Authority + "/v2.0"}},
		"without nbf":          {nil, claimSet{"nbf": nil}},
		"of a fast clock":      {nil, claimSet{"nbf": now + 200, "exp": now + 800}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			raw := sign(t, pair.key, with(pair.header(), tt.header), with(payload(s), tt.payload))
			if a := redeem(t, s, assertionForm(s, raw)); a.StatusCode != 200 {
				t.Error(a.body)
			}
			if !slices.Contains(s.Secrets(), raw) {
				t.Error("Secrets misses the assertion")
			}
		})
	}
}

func TestAssertion_IsRefused(t *testing.T) {
	t.Parallel()
	pair, other, old := newKeyPair(t, 0, time.Hour), newKeyPair(t, 1, time.Hour), newKeyPair(t, 0, -time.Minute)
	now := time.Now().Unix()
	const invalid = "invalid_client"
	for name, tt := range map[string]struct {
		pair            keyPair
		header, payload claimSet
		status          int
		oauth           string
		code            int
	}{
		"an unknown certificate":       {other, nil, nil, 401, invalid, 700027},
		"an expired certificate":       {old, nil, nil, 401, invalid, 700027},
		"another's signature":          {keyPair{other.key, pair.cert}, nil, nil, 401, invalid, 700027},
		"thumbprints that differ":      {pair, claimSet{"x5t": other.sha1()}, nil, 401, invalid, 700027},
		"no thumbprint":                {pair, claimSet{"x5t#S256": nil, "kid": pair.sha1()}, nil, 400, "invalid_request", 50027},
		"an algorithm of Entra's own":  {pair, claimSet{"alg": "RS512"}, nil, 400, "invalid_request", 5002730},
		"no algorithm":                 {pair, claimSet{"alg": "none"}, nil, 400, "invalid_request", 5002730},
		"another type":                 {pair, claimSet{"typ": "at+jwt"}, nil, 400, "invalid_request", 5002727},
		"another audience":             {pair, nil, claimSet{"aud": "https://login.entra.test/common/oauth2/v2.0/token"}, 401, invalid, 700023},
		"a list of audiences":          {pair, nil, claimSet{"aud": []string{"https://login.entra.test/aaaabbbb-0000-cccc-1111-dddd2222eeee/v2.0"}}, 400, "invalid_request", 50027},
		"no audience":                  {pair, nil, claimSet{"aud": nil}, 400, "invalid_request", 50027},
		"another application":          {pair, nil, claimSet{"iss": "ffffffff-0000-4000-8000-000000000000"}, 401, invalid, 700021},
		"another subject":              {pair, nil, claimSet{"sub": "ffffffff-0000-4000-8000-000000000000"}, 401, invalid, 50048},
		"a foreign issuer":             {pair, nil, claimSet{"iss": "https://issuer.example"}, 401, invalid, 700211},
		"no issuer":                    {pair, nil, claimSet{"iss": nil}, 400, "invalid_request", 50027},
		"no subject":                   {pair, nil, claimSet{"sub": nil}, 400, "invalid_request", 50027},
		"no jti":                       {pair, nil, claimSet{"jti": nil}, 400, "invalid_request", 50027},
		"no exp":                       {pair, nil, claimSet{"exp": nil}, 400, "invalid_request", 50027},
		"exp as a text":                {pair, nil, claimSet{"exp": "later"}, 400, "invalid_request", 50027},
		"an old one":                   {pair, nil, claimSet{"exp": now - 1}, 401, invalid, 700024},
		"a long life":                  {pair, nil, claimSet{"exp": now + 3600}, 401, invalid, 700024},
		"an endless life":              {pair, nil, claimSet{"exp": 1e300}, 401, invalid, 700024},
		"one of the future":            {pair, nil, claimSet{"nbf": now + 3600}, 401, invalid, 700024},
		"one that is far too long":     {pair, nil, claimSet{"x": strings.Repeat("x", 16<<10)}, 400, "invalid_request", 50027},
		"one with a negative validity": {pair, nil, claimSet{"exp": -1e300}, 401, invalid, 700024},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, entratest.WithCertificate(pair.cert, old.cert))
			raw := sign(t, tt.pair.key, with(tt.pair.header(), tt.header), with(payload(s), tt.payload))
			wantError(t, redeem(t, s, assertionForm(s, raw)), tt.status, tt.oauth, tt.code, "")
		})
	}
}

func TestAssertion_IsRefusedUnlessItIsAJWT(t *testing.T) {
	t.Parallel()
	pair := newKeyPair(t, 0, time.Hour)
	s := newServer(t, entratest.WithCertificate(pair.cert))
	valid := sign(t, pair.key, pair.header(), payload(s))
	head, rest, _ := strings.Cut(valid, ".")
	for name, raw := range map[string]string{
		"text": "x", "two parts": head + "." + head, "four parts": valid + ".x", "padded": head + "=." + rest,
		"bad signature": valid[:len(valid)-3] + "!!!", "null": "bnVsbA.bnVsbA.", "no JSON": "eHg.eHg.eHg",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantError(t, redeem(t, s, assertionForm(s, raw)), 400, "invalid_request", 50027, "")
		})
	}
	wantError(t, redeem(t, s, assertionForm(s, valid, "client_assertion_type=")), 400, "invalid_request", 900144, "")
	wantError(t, redeem(t, s, assertionForm(s, valid, "client_assertion_type=saml")), 400, "invalid_request", 90023, "")
	wantError(t, redeem(t, s, assertionForm(s, valid, "client_secret="+s.ClientSecret)), 400, "invalid_request", 9002313, "")
	wantError(t, redeem(t, s, assertionForm(s, valid, "client_assertion=")), 401, "invalid_client", 7000218, "")
	tampered := head + "." + strings.Replace(rest, rest[:1], "f", 1)
	if a := redeem(t, s, assertionForm(s, tampered)); a.StatusCode == 200 {
		t.Error("a changed assertion passes")
	}
}

func TestAssertion_IsValidUntilItExpires(t *testing.T) {
	t.Parallel()
	pair := newKeyPair(t, 0, 24*time.Hour)
	s := newServer(t, entratest.WithCertificate(pair.cert))
	form := assertionForm(s, sign(t, pair.key, pair.header(), payload(s)))
	for range 2 {
		if a := redeem(t, s, form); a.StatusCode != 200 {
			t.Error(a.body)
		}
	}
}

func TestAssertion_WorksOnceWithOneTimeAssertions(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		pair := newKeyPair(t, 0, 24*time.Hour)
		s := newServer(t, entratest.WithCertificate(pair.cert), entratest.WithOneTimeAssertions())
		claims := payload(s)
		form := assertionForm(s, sign(t, pair.key, pair.header(), claims))
		wantError(t, redeem(t, s, assertionForm(s, sign(t, testKeys()[1], pair.header(), claims))), 401, "invalid_client", 700027, "") // spends nothing
		if a := redeem(t, s, form); a.StatusCode != 200 {
			t.Fatal(a.body)
		}
		wantError(t, redeem(t, s, form), 400, "invalid_request", 50027, "")
		time.Sleep(10 * time.Minute)
		wantError(t, redeem(t, s, form), 401, "invalid_client", 700024, "")
		if a := redeem(t, s, assertionForm(s, sign(t, pair.key, pair.header(), with(payload(s), claimSet{"jti": claims["jti"]})))); a.StatusCode != 200 {
			t.Errorf("an expired jti is still held: %s", a.body)
		}
	})
}
