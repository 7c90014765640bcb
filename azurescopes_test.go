package fibermsal_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
)

const vaultScope = "https://vault.azure.net/user_impersonation"

// azureSDK is how the clients of the Azure SDK request a token: with .default, and with the tenant
// that the challenge of the service names.
func azureSDK(scope, tenant string) fiber.Handler {
	return func(c *fiber.Ctx) error {
		_, err := fibermsal.TokenCredential(c).GetToken(c.UserContext(), policy.TokenRequestOptions{Scopes: []string{scope}, TenantID: tenant, EnableCAE: true})
		return err
	}
}

// Entra answers AADSTS70011 to .default beside another scope.
func TestScopes_DefaultOfAResourceIsRequestedAlone(t *testing.T) {
	t.Parallel()
	for name, configured := range map[string][]string{
		"beside User.Read": nil, "beside several": {"User.Read", "Mail.Read"},
		"beside another .default": {"https://graph.microsoft.com/.default"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, newIDP(t, entratest.WithScopes(vaultScope)), func(cfg *fibermsal.Config) { cfg.Scopes = configured })
			s.app.Get("/vault", azureSDK("https://vault.azure.net/.default", ""))
			s.app.Get("/start", func(*fiber.Ctx) error {
				return fibermsal.StartSignIn(fibermsal.SignInOptions{Scopes: []string{"Calendars.Read", "https://vault.azure.net/.default"}, To: "/vault"})
			})
			s.app.Get("/me", azureSDK("User.Read", ""))
			for _, path := range []string{"/vault", "/start"} {
				b := s.browser()
				b.signIn(adele)
				authorize, landed := b.follow(path, adele)
				if got := authorize.Get("scope"); landed.StatusCode != http.StatusOK || got != "openid profile offline_access https://vault.azure.net/.default" {
					t.Errorf("%s: %d, requested %q\n%s", path, landed.StatusCode, got, s.log)
				}
				if a := b.Get("/me"); a.StatusCode != http.StatusOK {
					t.Errorf("after %s, Graph: %d", path, a.StatusCode)
				}
			}
		})
	}
}

func TestChecks_HasScopeKnowsTheScopesOfOtherResources(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		configured, checked []string
		requested           string // beside the configured ones
	}{
		"of one API":       {nil, []string{otherAPI}, otherAPI},
		"of two APIs":      {nil, []string{otherAPI, vaultScope}, otherAPI + " " + vaultScope},
		"as one text":      {nil, []string{otherAPI + " " + vaultScope}, otherAPI + " " + vaultScope},
		"beside Graph's":   {nil, []string{"Mail.Read", vaultScope}, "Mail.Read " + vaultScope},
		"of Graph, others": {[]string{otherAPI}, []string{"Mail.Read"}, "Mail.Read"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, newIDP(t, entratest.WithScopes(otherAPI, vaultScope)), func(cfg *fibermsal.Config) { cfg.Scopes = row.configured })
			s.app.Get("/checked", fibermsal.Require(fibermsal.HasScope(row.checked...)), func(c *fiber.Ctx) error { return c.SendString("shown") })
			b := s.browser()
			b.signIn(adele)
			if a := b.Get("/checked"); a.StatusCode != http.StatusForbidden {
				t.Errorf("before the consent: %d", a.StatusCode)
			}
			authorize, landed := b.follow("/checked", adele)
			if landed.Text != "shown" || !strings.HasSuffix(authorize.Get("scope"), row.requested) {
				t.Errorf("%d %s, requested %q\n%s", landed.StatusCode, landed.Text, authorize.Get("scope"), s.log)
			}
			s.idp.ResetRequests()
			if a := b.Get("/checked"); a.Text != "shown" || s.idp.Count(entratest.Token) != 0 {
				t.Errorf("again: %d, %d token calls", a.StatusCode, s.idp.Count(entratest.Token))
			}
		})
	}
}

// An outage is not a missing consent.
func TestChecks_HasScopeOfAnotherResourceDuringAnOutage(t *testing.T) {
	t.Parallel()
	s := newSite(t, newIDP(t, entratest.WithScopes(otherAPI)))
	s.app.Get("/checked", fibermsal.Require(fibermsal.HasScope(otherAPI)))
	b := s.browser()
	b.signIn(adele)
	s.idp.Fault(entratest.Token, entratest.Fault{Status: http.StatusServiceUnavailable})
	if a := b.Get("/checked"); a.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("got %d", a.StatusCode)
	}
}

func TestToken_OfAnotherTenantIsRefused(t *testing.T) {
	t.Parallel()
	const elsewhere = "11111111-2222-3333-4444-555555555555"
	s := newSite(t, newIDP(t))
	own := s.idp.Authority[strings.LastIndexByte(s.idp.Authority, '/')+1:]
	for path, row := range map[string]struct {
		tenant string
		status int
	}{
		"/none": {"", http.StatusOK}, "/own": {own, http.StatusOK}, "/upper-case": {strings.ToUpper(own), http.StatusOK},
		"/other": {elsewhere, http.StatusInternalServerError}, "/alias": {"common", http.StatusInternalServerError},
	} {
		s.app.Get(path, azureSDK("User.Read", row.tenant))
		b := s.browser()
		b.signIn(adele)
		if a := b.Get(path); a.StatusCode != row.status {
			t.Errorf("%s: %d %s", path, a.StatusCode, a.Text)
		}
	}
	if !strings.Contains(s.log.String(), "other_tenant") || !strings.Contains(s.log.String(), elsewhere) {
		t.Errorf("the log does not name the tenant:\n%s", s.log)
	}
}

func TestAppOnly_TokensOfAnotherTenant(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, entratest.WithAppPermissions("User.Read.All"))
	own := idp.Authority[strings.LastIndexByte(idp.Authority, '/')+1:]
	get := func(s *site, tenant string) (string, error) {
		token, err := s.auth.AppCredential().GetToken(context.Background(), policy.TokenRequestOptions{Scopes: []string{"https://graph.microsoft.com/.default"}, TenantID: tenant})
		return token.Token, err
	}
	single := newSite(t, idp)
	first, err := get(single, "")
	if again, err2 := get(single, own); err != nil || err2 != nil || again != first {
		t.Errorf("the own tenant: %v, %v", err, err2)
	}
	if _, err := get(single, "11111111-2222-3333-4444-555555555555"); !errors.Is(err, fibermsal.ErrMisconfigured) {
		t.Errorf("another tenant: %v", err)
	}

	many := newSite(t, idp, func(cfg *fibermsal.Config) {
		cfg.Authority, cfg.AllowedTenants = strings.TrimSuffix(idp.Authority, own)+"organizations", []string{own}
	})
	idp.ResetRequests()
	token, err := get(many, own)
	if again, _ := get(many, strings.ToUpper(own)); err != nil || token == "" || again != token {
		t.Errorf("an allowed tenant: %v", err)
	}
	for _, r := range idp.Requests(entratest.Token) {
		if !strings.Contains(r.URL.Path, own) {
			t.Errorf("the tokens were requested of %s", r.URL)
		}
	}
	if _, err := get(many, "11111111-2222-3333-4444-555555555555"); !errors.Is(err, fibermsal.ErrMisconfigured) {
		t.Errorf("a tenant that is not allowed: %v", err)
	}
}
