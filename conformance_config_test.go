package fibermsal_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
)

// keysConformance are the tests of the provider's signing keys.
func keysConformance() []conformance {
	const rotated = "rotates its keys "
	single := accepting("oidcc-client-test-kid-absent-single-jwks", "names no `kid`, in the token and in its only key", func(idp *entratest.Server) {
		idp.TamperIDToken(withoutKeyID)
		idp.TamperKeys(withoutKeyIDs)
	})
	several := accepting("oidcc-client-test-kid-absent-multiple-jwks", "names no `kid`, in the token and in any of its keys, RSA and EC", func(idp *entratest.Server) {
		idp.RotateKeys()
		idp.TamperIDToken(withoutKeyID)
		idp.TamperKeys(func(document map[string]any) {
			addKey(document, ellipticKey())
			withoutKeyIDs(document)
		})
	})
	several.must, several.remark = "signs in, or refuses the ID token", "all keys are tried"
	unusable := accepting("oidcc-client-test-ignores-unparseable-key-in-jwks", "publishes keys of unknown types beside its own", func(idp *entratest.Server) {
		idp.TamperKeys(func(document map[string]any) {
			addKey(document, map[string]any{"kty": "AKP", "kid": "post-quantum", "alg": "ML-DSA-0", "pub": "AA", "use": "sig"})
			addKey(document, map[string]any{"kty": "unheard-of", "kid": "unheard-of", "x": []int{1}})
		})
	})
	unusable.remark = "newer than the plans of the suite's version"
	return []conformance{
		single, several, unusable,
		{
			id: "oidcc-client-test-signing-key-rotation", provider: rotated + "between two sign-ins", verdict: passed,
			must: "fetches the keys again", does: "signs in, with one more call for keys", run: keysRotatedBetween,
		},
		{
			id: "oidcc-client-test-signing-key-rotation-just-before-signing", provider: rotated + "just before it signs", verdict: passed,
			must: "fetches the keys again", does: "signs in, with one more call for keys", run: keysRotatedBeforeSigning,
		},
	}
}

func withoutKeyID(token *entratest.IDToken) { delete(token.Header, "kid") }

func withoutKeyIDs(document map[string]any) {
	keys, _ := document["keys"].([]any)
	for _, key := range keys {
		if members, ok := key.(map[string]any); ok {
			delete(members, "kid")
			delete(members, "x5t")
		}
	}
}

// addKey publishes a key before the others.
func addKey(document map[string]any, key map[string]any) {
	keys, _ := document["keys"].([]any)
	document["keys"] = append([]any{key}, keys...)
}

func ellipticKey() map[string]any {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err) // no randomness
	}
	point, err := key.PublicKey.Bytes()
	if err != nil {
		panic(err) // no curve
	}
	return map[string]any{
		"kty": "EC", "crv": "P-256", "use": "sig",
		"x": base64.RawURLEncoding.EncodeToString(point[1:33]), "y": base64.RawURLEncoding.EncodeToString(point[33:]),
	}
}

func keysRotatedBetween(t *testing.T, mode fibermsal.ResponseMode) {
	t.Helper()
	t.Parallel()
	s := newSite(t, newIDP(t), inMode(mode))
	s.browser().signInAs(adele, mode)
	s.idp.RotateKeys()
	s.idp.RemoveOldKeys()
	s.browser().signInAs(alex, mode)
	if n := s.idp.Count(entratest.Keys); n != 2 {
		t.Errorf("%d calls for keys", n)
	}
}

// The app has the keys already when it redeems the code.
func keysRotatedBeforeSigning(t *testing.T, mode fibermsal.ResponseMode) {
	t.Helper()
	t.Parallel()
	idp := newIDP(t)
	s := newSite(t, idp, inMode(mode), func(cfg *fibermsal.Config) {
		cfg.HTTPClient = &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
			if strings.HasSuffix(r.URL.Path, "/token") {
				idp.RotateKeys()
				idp.RemoveOldKeys()
			}
			return idp.HTTPClient.Transport.RoundTrip(r)
		})}
	})
	s.browser().signInAs(adele, mode)
	if n := idp.Count(entratest.Keys); n > 2 {
		t.Errorf("%d calls for keys", n)
	}
}

// discoveryConformance are the tests of the provider's configuration.
func discoveryConformance() []conformance {
	return []conformance{
		{
			id: "oidcc-client-test-discovery-openid-config", provider: "publishes endpoints of its own", verdict: passed,
			must: "uses the endpoints that the configuration names", does: "uses them", run: endpointsOfTheConfiguration,
		},
		{
			id: "oidcc-client-test-discovery-jwks-uri-keys", provider: "publishes its keys at an address of its own", verdict: passed,
			must: "fetches the keys from `jwks_uri`", does: "fetches them there", run: endpointsOfTheConfiguration,
		},
		{
			id: "oidcc-client-test-discovery-issuer-mismatch", provider: "names another issuer in its configuration", verdict: passed,
			must: "sends no authorization request", does: "sends none: the login route answers 503", run: issuerOfAnother,
		},
	}
}

// endpointsOfTheConfiguration is a provider whose endpoints have a query, which must be kept (RFC 6749
// sections 3.1 and 3.2).
func endpointsOfTheConfiguration(t *testing.T, mode fibermsal.ResponseMode) {
	t.Helper()
	t.Parallel()
	b := newSite(t, newIDP(t), inMode(mode)).browser()
	policy := rand.Text()
	b.idp.TamperDiscovery(func(document map[string]any) {
		for _, name := range []string{"authorization_endpoint", "token_endpoint", "jwks_uri", "end_session_endpoint"} {
			address, _ := document[name].(string)
			separator := "?"
			if strings.Contains(address, "?") { // the keys of an app
				separator = "&"
			}
			document[name] = address + separator + "policy=" + policy
		}
	})
	b.signInAs(adele, mode)
	b.Send(request(http.MethodPost, "/user/logout", ""))
	for _, endpoint := range []entratest.Endpoint{entratest.Authorize, entratest.Token, entratest.Keys} {
		requests := b.idp.Requests(endpoint)
		if len(requests) == 0 {
			t.Errorf("no request to %s", endpoint)
		}
		for _, r := range requests {
			if r.URL.Query().Get("policy") != policy {
				t.Errorf("%s: %s", endpoint, r.URL)
			}
		}
	}
}

func issuerOfAnother(t *testing.T, mode fibermsal.ResponseMode) {
	t.Helper()
	t.Parallel()
	b := newSite(t, newIDP(t), inMode(mode)).browser()
	b.idp.TamperDiscovery(func(document map[string]any) {
		issuer, _ := document["issuer"].(string)
		document["issuer"] = issuer + "1"
	})
	if a := b.Navigate("/user/login"); a.StatusCode != http.StatusServiceUnavailable || a.Location() != "" {
		t.Errorf("status %d, Location %q", a.StatusCode, a.Location())
	}
	if n := b.idp.Count(entratest.Authorize); n != 0 {
		t.Errorf("%d authorization requests", n)
	}
}
