package entratest_test

import (
	"testing"
	"time"

	"github.com/fibermsal/fibermsal/entratest"
)

func TestTamperTokenResponse_ChangesTheAnswer(t *testing.T) {
	t.Parallel()
	s := newServer(t, entratest.WithRefreshIn(30*time.Minute))
	s.TamperTokenResponse(func(grant string, body map[string]any) {
		if grant == "refresh_token" {
			body["client_info"] = "forged"
			delete(body, "refresh_token")
		}
	})
	body := tokens(t, s, "adelev@contoso.com")
	if body["refresh_in"] != 1800.0 {
		t.Errorf("refresh_in is %v", body["refresh_in"])
	}
	renewed := redeem(t, s, refreshForm(s, text(t, body["refresh_token"]))).json(t)
	if _, got := renewed["refresh_token"]; got || renewed["client_info"] != "forged" {
		t.Errorf("the answer is %v", renewed)
	}
}

func TestTamperDiscovery_ChangesTheConfigurationsOfBothVersions(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.TamperDiscovery(func(document map[string]any) {
		document["issuer"] = "https://evil.example"
		delete(document, "jwks_uri")
	})
	for _, path := range []string{"/v2.0/.well-known/openid-configuration", "/.well-known/openid-configuration"} {
		document := get(t, s, s.Authority+path).json(t)
		if _, named := document["jwks_uri"]; named || document["issuer"] != "https://evil.example" {
			t.Errorf("%s: %v", path, document)
		}
	}
	s.TamperDiscovery(nil)
	if document := get(t, s, s.Authority+"/v2.0/.well-known/openid-configuration").json(t); document["issuer"] != s.Authority+"/v2.0" {
		t.Errorf("afterwards: %v", document)
	}
}

func TestTamperKeys_ChangesTheSet(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.TamperKeys(func(document map[string]any) {
		keys, _ := document["keys"].([]any)
		document["keys"] = append(keys, map[string]any{"kty": "unheard-of"})
	})
	for _, path := range []string{"/discovery/v2.0/keys", "/discovery/keys"} {
		if keys, _ := get(t, s, s.Authority+path).json(t)["keys"].([]any); len(keys) != 2 {
			t.Errorf("%s: %v", path, keys)
		}
	}
}
