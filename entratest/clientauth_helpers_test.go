package entratest_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"maps"
	"math/big"
	"net/url"
	"sync"
	"testing"
	"time"

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

// header and payload are those of a valid assertion.
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

// assertionForm is the form of a call for a token of the application itself.
func assertionForm(s *entratest.Server, assertion string, changes ...string) string {
	return change(url.Values{
		"client_id": {s.ClientID}, "client_assertion": {assertion}, "client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
		"grant_type": {"client_credentials"}, "scope": {"https://graph.microsoft.com/.default"},
	}, changes...).Encode()
}
