package entratest_test

import (
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
