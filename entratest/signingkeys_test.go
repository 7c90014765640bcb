package entratest_test

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/fibermsal/fibermsal/entratest"
)

func TestPublishForeignKey_SignsForAnotherIssuer(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.PublishForeignKey()
	s.TamperIDToken((*entratest.IDToken).SignForeign)
	raw := idToken(t, s, "adelev@contoso.com")
	if _, err := verify(t, s, raw); err != nil {
		t.Errorf("the signature must be good, only its issuer wrong: %v", err)
	}
	keys := get(t, s, s.Authority+"/discovery/v2.0/keys").json(t)["keys"].([]any) //nolint:forcetypeassert // or the test fails
	if issuer := keys[1].(map[string]any)["issuer"]; issuer != "https://login.entra.test/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0" {
		t.Errorf("the foreign key's issuer is %v", issuer)
	}
}

// Entra publishes a key of the app's own to requests that name the app, and to no other.
func TestUseAppSigningKey_IsPublishedForTheAppOnly(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	discovery := s.Authority + "/v2.0/.well-known/openid-configuration"
	keyIDs := func(query string) (ids []string) {
		t.Helper()
		jwksURI := text(t, get(t, s, discovery+query).json(t)["jwks_uri"])
		if _, got, _ := strings.Cut(jwksURI, "?"); "?"+got != query && query+got != "" {
			t.Errorf("%q leads to %s", query, jwksURI)
		}
		for _, key := range get(t, s, jwksURI).json(t)["keys"].([]any) { //nolint:forcetypeassert // or the test fails
			ids = append(ids, text(t, key.(map[string]any)["kid"])) //nolint:forcetypeassert // or the test fails
		}
		return ids
	}
	signedBy := func() string {
		t.Helper()
		header, err := base64.RawURLEncoding.DecodeString(strings.Split(idToken(t, s, "adelev@contoso.com"), ".")[0])
		var h struct {
			ID string `json:"kid"`
		}
		if err != nil || json.Unmarshal(header, &h) != nil {
			t.Fatal(err)
		}
		return h.ID
	}
	common, named, capitals, other := "", "?appid="+s.ClientID, "?appid="+strings.ToUpper(s.ClientID), "?appid=11111111-2222-3333-4444-555555555555"
	shared := keyIDs(common)
	for _, query := range []string{named, other} {
		if got := keyIDs(query); !slices.Equal(got, shared) {
			t.Errorf("without a key of its own, %q gets %v, want %v", query, got, shared)
		}
	}
	s.UseAppSigningKey()
	own := []string{signedBy()}
	for query, want := range map[string][]string{common: shared, other: shared, named: own, capitals: own} {
		if got := keyIDs(query); !slices.Equal(got, want) {
			t.Errorf("%q gets %v, want %v", query, got, want)
		}
	}
	if slices.Equal(own, shared) {
		t.Error("the app's key is Microsoft's")
	}
	s.UseAppSigningKey()
	if again := keyIDs(named); slices.Equal(again, own) || !slices.Equal(again, []string{signedBy()}) {
		t.Errorf("the second key is %v after %v", again, own)
	}
}
