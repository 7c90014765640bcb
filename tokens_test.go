package fibermsal_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"
	"github.com/gofiber/fiber/v2"
	abstractions "github.com/microsoft/kiota-abstractions-go"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
)

func TestToken_StorageFailureIsForgottenAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLedger()
		b := newSite(t, newIDP(t), onLedger(l)).browser()
		b.signIn(adele)
		b.app.Get("/twice", func(c *fiber.Ctx) error {
			credential := fibermsal.TokenCredential(c) // the session was read
			l.fail(true, true)
			_, err := credential.GetToken(c.UserContext(), tokenRequest())
			l.fail(false, false)
			if !errors.Is(err, fibermsal.ErrUnavailable) {
				t.Errorf("while it fails: %v", err)
			}
			_, err = credential.GetToken(c.UserContext(), tokenRequest())
			return err
		})
		if a := b.Get("/twice"); a.StatusCode != http.StatusOK {
			t.Errorf("right after: %d %s", a.StatusCode, a.Text)
		}
	})
}

func TestToken_CredentialsFaultIsNotTheUsers(t *testing.T) {
	for name, row := range map[string]struct {
		credential func(context.Context) (confidential.Credential, error)
		status     int
	}{
		"fails":   {func(context.Context) (confidential.Credential, error) { return confidential.Credential{}, errStorage }, 503},
		"panics":  {func(context.Context) (confidential.Credential, error) { panic(errStorage) }, 500},
		"nothing": {func(context.Context) (confidential.Credential, error) { return confidential.Credential{}, nil }, 500},
		"without its assertion": {func(context.Context) (confidential.Credential, error) {
			return confidential.NewCredFromAssertionCallback(func(context.Context, confidential.AssertionRequestOptions) (string, error) {
				return "", errStorage
			}), nil
		}, 503},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l, idp := newLedger(), newIDP(t)
				b := newSite(t, idp, onLedger(l)).browser()
				b.signIn(adele)
				time.Sleep(2 * time.Hour)
				b.site = newSite(t, idp, onLedger(l), func(cfg *fibermsal.Config) {
					cfg.ClientSecret, cfg.Credential = "", fibermsal.ClientCredentialFunc(row.credential)
				})
				if a := b.Navigate("/token"); a.StatusCode != row.status || strings.Contains(b.log.String(), "storage-password") {
					t.Errorf("status %d, Location %q\n%s", a.StatusCode, a.Location(), b.log)
				}
				if a := b.Navigate("/user/login"); a.StatusCode != http.StatusSeeOther {
					t.Errorf("a visitor's sign-in troubles the credential: status %d", a.StatusCode)
				}
			})
		})
	}
}

func TestC8_AuthenticationProviderKnowsGraphAlone(t *testing.T) {
	t.Parallel()
	s := newSite(t, newIDP(t))
	var authorized []string
	s.app.Get("/kiota", func(c *fiber.Ctx) error {
		provider := fibermsal.AuthenticationProvider(c)
		for _, address := range []string{"https://graph.entra.test/v1.0/me", "https://evil.example/v1.0/me", "https://graph.entra.test.evil.example/", "https://login.entra.test/"} {
			info := abstractions.NewRequestInformation()
			info.UrlTemplate = address
			if err := provider.AuthenticateRequest(c.UserContext(), info, nil); err != nil {
				return err
			}
			if len(info.Headers.Get("Authorization")) > 0 {
				authorized = append(authorized, address)
			}
		}
		return nil
	})
	b := s.browser()
	if a := b.Get("/kiota"); a.StatusCode != http.StatusUnauthorized {
		t.Errorf("for nobody: status %d", a.StatusCode)
	}
	b.signIn(adele)
	if a := b.Get("/kiota"); a.StatusCode != http.StatusOK {
		t.Fatalf("status %d %s", a.StatusCode, a.Text)
	}
	if len(authorized) != 1 || authorized[0] != "https://graph.entra.test/v1.0/me" {
		t.Errorf("tokens for %v", authorized)
	}
}

func TestToken_GraphGetsNoOtherAPIsToken(t *testing.T) {
	s := newSite(t, newIDP(t, entratest.WithScopes(otherAPI)), func(cfg *fibermsal.Config) { cfg.Scopes = []string{otherAPI} })
	b := s.browser()
	b.signIn(adele)
	s.app.Get("/g", func(c *fiber.Ctx) error {
		r := tokenRequest()
		r.Scopes = []string{"https://graph.entra.test/.default"} // what graph.Me asks for
		token, err := fibermsal.TokenCredential(c).GetToken(c.UserContext(), r)
		if err == nil && strings.HasPrefix(token.Token, "eyJ") {
			t.Error("asked for Graph's, got the other API's")
		}
		return nil
	})
	b.Get("/g")
}
