package entratest_test

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"

	"github.com/fibermsal/fibermsal/entratest"
)

// keyPair is an application's certificate with its key.
type keyPair struct {
	key  *rsa.PrivateKey
	cert *x509.Certificate
}

var testKeys = sync.OnceValue(func() [2]*rsa.PrivateKey {
	var keys [2]*rsa.PrivateKey
	for i := range keys {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic(err)
		}
		keys[i] = key
	}
	return keys
})

func newKeyPair(t *testing.T, n int, life time.Duration) keyPair {
	t.Helper()
	key := testKeys()[n]
	template := &x509.Certificate{
		SerialNumber: big.NewInt(int64(n) + 1), Subject: pkix.Name{CommonName: "app"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(life),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return keyPair{key, cert}
}

type claimSet = map[string]any

// sign makes a JWT.
func sign(t *testing.T, key *rsa.PrivateKey, header, payload claimSet) string {
	t.Helper()
	part := func(v claimSet) string {
		encoded, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(encoded)
	}
	input := part(header) + "." + part(payload)
	digest := sha256.Sum256([]byte(input))
	var signature []byte
	var err error
	if header["alg"] == "PS256" {
		signature, err = rsa.SignPSS(rand.Reader, key, crypto.SHA256, digest[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
	} else {
		signature, err = rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, digest[:])
	}
	if err != nil {
		t.Fatal(err)
	}
	return input + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func (p keyPair) sha256() string {
	sum := sha256.Sum256(p.cert.Raw)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func (p keyPair) sha1() string {
	sum := sha1.Sum(p.cert.Raw)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// header and payload are those of a right assertion.
func (p keyPair) header() claimSet {
	return claimSet{"alg": "PS256", "typ": "JWT", "x5t#S256": p.sha256()}
}

func payload(s *entratest.Server) claimSet {
	now := time.Now().Unix()
	return claimSet{
		"aud": s.Authority + "/oauth2/v2.0/token", "iss": s.ClientID, "sub": s.ClientID,
		"jti": rand.Text(), "nbf": now, "exp": now + 600,
	}
}

func with(set claimSet, changes claimSet) claimSet {
	out := maps.Clone(set)
	for name, value := range changes {
		if out[name] = value; value == nil {
			delete(out, name)
		}
	}
	return out
}

// assertionForm asks for a token of the application itself.
func assertionForm(s *entratest.Server, assertion string, changes ...string) string {
	return change(url.Values{
		"client_id": {s.ClientID}, "client_assertion": {assertion}, "client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
		"grant_type": {"client_credentials"}, "scope": {"https://graph.microsoft.com/.default"},
	}, changes...).Encode()
}

func TestAssertion_authenticates_the_application(t *testing.T) {
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

func TestAssertion_refuses(t *testing.T) {
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

func TestAssertion_refuses_what_is_no_JWT(t *testing.T) {
	t.Parallel()
	pair := newKeyPair(t, 0, time.Hour)
	s := newServer(t, entratest.WithCertificate(pair.cert))
	good := sign(t, pair.key, pair.header(), payload(s))
	head, rest, _ := strings.Cut(good, ".")
	for name, raw := range map[string]string{
		"text": "x", "two parts": head + "." + head, "four parts": good + ".x", "padded": head + "=." + rest,
		"bad signature": good[:len(good)-3] + "!!!", "null": "bnVsbA.bnVsbA.", "no JSON": "eHg.eHg.eHg",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantError(t, redeem(t, s, assertionForm(s, raw)), 400, "invalid_request", 50027, "")
		})
	}
	wantError(t, redeem(t, s, assertionForm(s, good, "client_assertion_type=")), 400, "invalid_request", 900144, "")
	wantError(t, redeem(t, s, assertionForm(s, good, "client_assertion_type=saml")), 400, "invalid_request", 90023, "")
	wantError(t, redeem(t, s, assertionForm(s, good, "client_secret="+s.ClientSecret)), 400, "invalid_request", 9002313, "")
	wantError(t, redeem(t, s, assertionForm(s, good, "client_assertion=")), 401, "invalid_client", 7000218, "")
	tampered := head + "." + strings.Replace(rest, rest[:1], "f", 1)
	if a := redeem(t, s, assertionForm(s, tampered)); a.StatusCode == 200 {
		t.Error("a changed assertion passes")
	}
}

func TestAssertion_is_good_until_it_ends(t *testing.T) {
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

func TestAssertion_is_spent_by_its_first_use_if_that_is_asked_for(t *testing.T) {
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

func TestCertificates_can_be_rotated(t *testing.T) {
	t.Parallel()
	first, second := newKeyPair(t, 0, time.Hour), newKeyPair(t, 1, time.Hour)
	s := newServer(t, entratest.WithoutClientSecret(), entratest.WithCertificate(first.cert))
	ask := func(p keyPair) answer { return redeem(t, s, assertionForm(s, sign(t, p.key, p.header(), payload(s)))) }
	wantError(t, ask(second), 401, "invalid_client", 700027, "")
	s.SetCertificates(first.cert, second.cert)
	for _, p := range []keyPair{first, second} {
		if a := ask(p); a.StatusCode != 200 {
			t.Error(a.body)
		}
	}
	s.SetCertificates(second.cert)
	wantError(t, ask(first), 401, "invalid_client", 700027, "")
	wantError(t, redeem(t, s, assertionForm(s, "", "client_secret=anything")), 401, "invalid_client", 7000215, "")
	if s.ClientSecret != "" || len(s.Secrets()) == 0 || slices.Contains(s.Secrets(), "") {
		t.Errorf("secret %q", s.ClientSecret)
	}
}

func TestSecrets_overlap_and_expire(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, entratest.WithSecrets(entratest.Secret{Value: "next-secret"}, entratest.Secret{Value: "last-secret", Expires: time.Now().Add(time.Hour)}))
		ask := func(secret string) answer {
			return redeem(t, s, assertionForm(s, "", "client_assertion_type=", "client_secret="+secret))
		}
		for _, secret := range []string{s.ClientSecret, "next-secret", "last-secret"} {
			if a := ask(secret); a.StatusCode != 200 || !slices.Contains(s.Secrets(), secret) {
				t.Error(a.body)
			}
		}
		wantError(t, ask("other"), 401, "invalid_client", 7000215, "")
		time.Sleep(time.Hour)
		wantError(t, ask("last-secret"), 401, "invalid_client", 7000222, "")
		s.SetSecrets(entratest.Secret{Value: "next-secret", Expires: time.Now()}, entratest.Secret{Value: "newest"})
		wantError(t, ask("next-secret"), 401, "invalid_client", 7000222, "")
		wantError(t, ask(s.ClientSecret), 401, "invalid_client", 7000215, "")
		if a := ask("newest"); a.StatusCode != 200 {
			t.Error(a.body)
		}
		s.SetSecrets()
		wantError(t, ask("newest"), 401, "invalid_client", 7000215, "")
	})
}

func TestMSAL_authenticates_by_certificate(t *testing.T) {
	t.Parallel()
	pair := newKeyPair(t, 0, time.Hour)
	s := newServer(t, entratest.WithoutClientSecret(), entratest.WithCertificate(pair.cert), entratest.WithAppPermissions("User.Read.All"))
	credential, err := confidential.NewCredFromCert([]*x509.Certificate{pair.cert}, pair.key)
	if err != nil {
		t.Fatal(err)
	}
	for _, authority := range []string{s.Authority, "https://login.entra.test/organizations"} {
		client, err := confidential.New(authority, s.ClientID, credential, confidential.WithHTTPClient(s.HTTPClient), confidential.WithInstanceDiscovery(false), confidential.WithX5C())
		if err != nil {
			t.Fatal(err)
		}
		first := acquire(t, s, client, "AdeleV@contoso.com")
		s.WithdrawConsent("AdeleV@contoso.com", "User.Read")
		if _, err := client.AcquireTokenSilent(t.Context(), []string{"Mail.Read"}, confidential.WithSilentAccount(first.Account)); err == nil || !strings.Contains(err.Error(), "AADSTS65001") {
			t.Errorf("%s: the renewal gave %v", authority, err)
		}
	}
}

func TestMSAL_gets_a_token_of_its_own(t *testing.T) {
	t.Parallel()
	pair := newKeyPair(t, 0, time.Hour)
	s := newServer(t, entratest.WithCertificate(pair.cert), entratest.WithAppPermissions("User.Read.All"))
	byCertificate, err := confidential.NewCredFromCert([]*x509.Certificate{pair.cert}, pair.key)
	if err != nil {
		t.Fatal(err)
	}
	bySecret, err := confidential.NewCredFromSecret(s.ClientSecret)
	if err != nil {
		t.Fatal(err)
	}
	for name, credential := range map[string]confidential.Credential{"certificate": byCertificate, "secret": bySecret} {
		client, err := confidential.New(s.Authority, s.ClientID, credential, confidential.WithHTTPClient(s.HTTPClient), confidential.WithInstanceDiscovery(false))
		if err != nil {
			t.Fatal(err)
		}
		result, err := client.AcquireTokenByCredential(t.Context(), []string{"https://graph.microsoft.com/.default"})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if a := get(t, s, s.GraphURL+"/users/AlexW@contoso.com", "Authorization: Bearer "+result.AccessToken); a.json(t)["displayName"] != "Alex Wilber" {
			t.Error(a.body)
		}
	}
}

// workload is an issuer of tokens for workloads.
func workload(changes claimSet) claimSet {
	now := time.Now().Unix()
	return with(claimSet{
		"iss": "https://issuer.example", "sub": "system:serviceaccount:shop:web", "aud": []string{"api://AzureADTokenExchange"},
		"iat": now, "nbf": now, "exp": now + 3600,
	}, changes)
}

func TestFederated_tokens_stand_in_for_a_secret(t *testing.T) {
	t.Parallel()
	keys := testKeys()
	credential := entratest.FederatedCredential{
		Issuer: "https://issuer.example", Subject: "system:serviceaccount:shop:web", Keys: []*rsa.PublicKey{&keys[0].PublicKey},
	}
	sovereign := credential
	sovereign.Audience = "api://AzureADTokenExchangeUSGov"
	for name, tt := range map[string]struct {
		change claimSet
		key    int
		alg    string
		code   int
	}{
		"right":                     {nil, 0, "RS256", 0},
		"with one audience":         {claimSet{"aud": "api://AzureADTokenExchange"}, 0, "RS256", 0},
		"of another cloud":          {claimSet{"aud": "api://AzureADTokenExchangeUSGov"}, 0, "RS256", 0},
		"without nbf":               {claimSet{"nbf": nil}, 0, "RS256", 0},
		"another issuer":            {claimSet{"iss": "https://issuer.example/"}, 0, "RS256", 700211},
		"another subject":           {claimSet{"sub": "system:serviceaccount:shop:db"}, 0, "RS256", 700213},
		"another case":              {claimSet{"sub": "system:serviceaccount:shop:Web"}, 0, "RS256", 7002138},
		"another audience":          {claimSet{"aud": "sts.amazonaws.com"}, 0, "RS256", 700212},
		"two audiences":             {claimSet{"aud": []string{"api://AzureADTokenExchange", "b"}}, 0, "RS256", 700212},
		"audience without meaning":  {claimSet{"aud": 5}, 0, "RS256", 700212},
		"expired":                   {claimSet{"exp": 1}, 0, "RS256", 700024},
		"another key":               {nil, 1, "RS256", 7000272},
		"another algorithm":         {nil, 0, "PS256", 5002730},
		"subject in the audience's": {claimSet{"sub": "api://AzureADTokenExchange"}, 0, "RS256", 700213},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, entratest.WithoutClientSecret(), entratest.WithFederatedCredential(credential), entratest.WithFederatedCredential(sovereign))
			form := assertionForm(s, sign(t, keys[tt.key], claimSet{"alg": tt.alg, "kid": "1"}, workload(tt.change)))
			for range 2 { // a workload reads the same token from its file again and again
				a := redeem(t, s, form)
				switch {
				case tt.code == 5002730:
					wantError(t, a, 400, "invalid_request", tt.code, "")
				case tt.code != 0:
					wantError(t, a, 401, "invalid_client", tt.code, "")
				case a.StatusCode != 200:
					t.Error(a.body)
				}
			}
		})
	}
}

func TestFederated_credentials_can_be_changed_and_serve_MSAL(t *testing.T) {
	t.Parallel()
	keys := testKeys()
	s := newServer(t, entratest.WithoutClientSecret())
	credential := confidential.NewCredFromAssertionCallback(func(context.Context, confidential.AssertionRequestOptions) (string, error) {
		return sign(t, keys[0], claimSet{"alg": "RS256"}, workload(nil)), nil
	})
	client, err := confidential.New(s.Authority, s.ClientID, credential, confidential.WithHTTPClient(s.HTTPClient), confidential.WithInstanceDiscovery(false))
	if err != nil {
		t.Fatal(err)
	}
	ask := func() error {
		_, err := client.AcquireTokenByCredential(t.Context(), []string{"https://graph.microsoft.com/.default"})
		return err
	}
	if err := ask(); err == nil || !strings.Contains(err.Error(), "AADSTS700211") {
		t.Errorf("without a credential: %v", err)
	}
	s.SetFederatedCredentials(entratest.FederatedCredential{
		Issuer: "https://issuer.example", Subject: "system:serviceaccount:shop:web", Keys: []*rsa.PublicKey{&keys[1].PublicKey, &keys[0].PublicKey},
	})
	if err := ask(); err != nil {
		t.Error(err)
	}
}

func TestNew_panics_on_credentials_nobody_could_register(t *testing.T) {
	t.Parallel()
	for name, opt := range map[string]entratest.Option{
		"nil certificate":    entratest.WithCertificate(nil),
		"empty secret":       entratest.WithSecrets(entratest.Secret{}),
		"federation, no key": entratest.WithFederatedCredential(entratest.FederatedCredential{Issuer: "a", Subject: "b"}),
		"API with a slash":   entratest.WithAPI(entratest.API{URI: "api://orders/"}),
		"API that is Graph":  entratest.WithAPI(entratest.API{URI: "https://graph.microsoft.com"}),
		"malformed scope":    entratest.WithAPI(entratest.API{URI: "api://orders", Scopes: []string{"a b"}}),
		"unknown role's API": entratest.WithAppPermissions("api://orders/Orders.Process"),
		"unknown scope":      entratest.WithAdminScopes("User.Fly"),
		"unknown claim":      entratest.WithOptionalClaims("shoe_size"),
		"plain front":        entratest.WithFrontChannelLogout("http://app.example/logout"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			defer func() {
				if reason := recover(); !strings.HasPrefix(fmt.Sprint(reason), "entratest: ") {
					t.Errorf("panics with %v", reason)
				}
			}()
			entratest.New(opt)
		})
	}
}
