package entratest_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/fibermsal/fibermsal/entratest"
)

func TestNew_PanicsOnWhatCannotBeRegistered(t *testing.T) {
	t.Parallel()
	adele := entratest.Users()[0]
	for name, opt := range map[string]entratest.Option{
		"plain http":           entratest.WithRedirectURI("http://app.example/cb"),
		"relative":             entratest.WithRedirectURI("/cb"),
		"wildcard":             entratest.WithRedirectURI("https://*.example/cb"),
		"fragment":             entratest.WithLogoutURI("https://app.example/#x"),
		"too long":             entratest.WithRedirectURI("https://app.example/" + strings.Repeat("x", 256)),
		"tenant without GUID":  entratest.WithTenant("contoso"),
		"client without GUID":  entratest.WithClientID("app"),
		"empty secret":         entratest.WithClientSecret(""),
		"two of one name":      entratest.WithUsers(adele, adele),
		"user without GUID":    entratest.WithUsers(entratest.User{ID: "1", UPN: "a@b.c"}),
		"half a guest":         entratest.WithUsers(entratest.User{ID: adele.ID, UPN: "a@b.c", HomeID: adele.ID}),
		"one tenant twice":     entratest.WithExtraTenant("aaaabbbb-0000-cccc-1111-dddd2222eeee"),
		"no life":              entratest.WithAccessTokenLifetime(0),
		"one host for the two": entratest.WithHosts("a.test", "a.test"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			entratest.New(opt)
		})
	}
}

func TestNew_PanicsOnCredentialsThatCannotBeRegistered(t *testing.T) {
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
