package fibermsal_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/gofiber/fiber/v2"
	abstractions "github.com/microsoft/kiota-abstractions-go"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
)

const otherURI = "api://orders.example"

// Each set of scopes for one assertion causes one call, regardless of the order of the scopes.
func TestOnBehalf_ManyScopesAndResourcesForOneAssertion(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, entratest.WithAPI(ownAPI(2), entratest.API{URI: otherURI, Scopes: []string{"Orders.Read", "Orders.Write"}}))
	s := newCallee(t, idp)
	sets := [][]string{
		{},
		{"Mail.Read"},
		{"Mail.Read", "User.Read"},
		{otherURI + "/Orders.Read"},
		{otherURI + "/.default"},
		{otherURI + "/Orders.Read", otherURI + "/Orders.Write"},
	}
	for i, scopes := range sets {
		idp.GrantAdminConsent(slices.DeleteFunc(slices.Clone(scopes), func(scope string) bool { return strings.HasSuffix(scope, ".default") })...)
		s.app.Get("/scopes/"+strconv.Itoa(i), fibermsal.RequireToken(), tokenOwner(idp, scopes...))
	}
	for _, spelled := range [][]string{{"User.Read"}, {"https://graph.entra.test/.default"}, {"User.Read", "Mail.Read"}, {"mail.read"}} {
		s.app.Get("/spelled/"+spelled[0], fibermsal.RequireToken(), tokenOwner(idp, spelled...))
	}
	s.app.Get("/two", fibermsal.RequireToken(), tokenOwner(idp, "Mail.Read", otherURI+"/Orders.Read"))
	for _, login := range []string{adele, alex} {
		token := idp.Issue(login, apiScope)
		before := len(exchanges(idp))
		var wait sync.WaitGroup
		for range 20 {
			for i := range sets {
				wait.Go(func() {
					if a := s.call("/scopes/"+strconv.Itoa(i), token); a.Text != login {
						t.Errorf("%s: %d %s\n%s", sets[i], a.StatusCode, a.Text, s.log)
					}
				})
			}
		}
		wait.Wait()
		for _, path := range []string{"/spelled/User.Read", "/spelled/https://graph.entra.test/.default", "/spelled/mail.read"} {
			if a := s.call(path, token); a.Text != login {
				t.Errorf("%s: %d %s", path, a.StatusCode, a.Text)
			}
		}
		if calls := len(exchanges(idp)) - before; calls != len(sets) {
			t.Errorf("%d token calls for %d sets of scopes", calls, len(sets))
		}
		if a := s.call("/two", token); a.StatusCode != http.StatusInternalServerError { // Entra gives tokens of one resource
			t.Errorf("scopes of two resources: %d %s", a.StatusCode, a.Text)
		}
	}
}

// An app that calls as itself has no user.
func TestOnBehalf_AppsHaveNobodyToCallFor(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, entratest.WithAPI(ownAPI(2)), entratest.WithAppPermissions(apiURI+"/Orders.Read.All"))
	s := newCallee(t, idp, func(cfg *fibermsal.Config) {
		cfg.Groups = func(context.Context, azcore.TokenCredential, []string) ([]string, error) {
			t.Error("the groups of an app were looked up")
			return nil, nil
		}
	})
	shown := func(c *fiber.Ctx) error { return c.SendString("shown") }
	s.app.Get("/x/token", fibermsal.RequireFrom(fibermsal.AppTokens), tokenOwner(idp))
	s.app.Get("/x/provider", fibermsal.RequireFrom(fibermsal.AppTokens), func(c *fiber.Ctx) error {
		_, err := authenticated(c, idp.GraphURL+"/me")
		return err
	})
	s.app.Get("/x/scope", fibermsal.RequireFrom(fibermsal.AppTokens, fibermsal.HasScope("https://graph.entra.test/User.Read")), shown)
	s.app.Get("/x/group", fibermsal.RequireFrom(fibermsal.AppTokens, fibermsal.InGroup(inGroup)), shown)
	token := idp.IssueForApp(apiURI + "/.default")
	for _, path := range []string{"/x/token", "/x/provider", "/x/scope", "/x/group"} {
		if a := s.call(path, token); a.StatusCode != http.StatusForbidden || !strings.Contains(a.Text, `"code":"forbidden"`) {
			t.Errorf("%s: %d %s", path, a.StatusCode, a.Text)
		}
	}
	if calls := len(exchanges(idp)); calls != 0 {
		t.Errorf("%d token calls", calls)
	}
}

// authenticated returns the header Authorization that AuthenticationProvider gives a request.
func authenticated(c *fiber.Ctx, address string) (string, error) {
	info := abstractions.NewRequestInformation()
	info.Method, info.UrlTemplate = abstractions.GET, address
	err := fibermsal.AuthenticationProvider(c).AuthenticateRequest(c.UserContext(), info, nil)
	return strings.Join(info.Headers.Get("Authorization"), ""), err
}

func TestOnBehalf_AuthenticationProviderAddsTheCallersToken(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, entratest.WithAPI(ownAPI(2)))
	s := newCallee(t, idp)
	s.app.Get("/x/provider", fibermsal.RequireToken(), func(c *fiber.Ctx) error {
		header, err := authenticated(c, c.Query("to"))
		if err != nil {
			return err
		}
		owner, _ := idp.TokenUser(strings.TrimPrefix(header, "Bearer "))
		return c.SendString(owner)
	})
	token := idp.Issue(adele, apiScope)
	for to, owner := range map[string]string{idp.GraphURL + "/me": adele, "https://evil.example/": ""} {
		for range 3 {
			if a := s.call("/x/provider?to="+to, token); a.StatusCode != http.StatusOK || a.Text != owner {
				t.Errorf("%s: %d %s", to, a.StatusCode, a.Text)
			}
		}
	}
	if calls := len(exchanges(idp)); calls != 1 {
		t.Errorf("%d token calls", calls)
	}
	idp.Fault(entratest.Token, entratest.Fault{OAuth: &entratest.OAuthError{Error: "invalid_grant", Codes: []int{50076}, Claims: factorClaims}})
	if a := s.call("/x/provider?to="+idp.GraphURL+"/me", idp.Issue(adele, apiScope)); a.StatusCode != http.StatusUnauthorized || claimsOf(t, a) != factorClaims {
		t.Errorf("refused: %d %s", a.StatusCode, a.Text)
	}
}

// MSAL Go's own cache for this flow loses and mixes up tokens, so the app gets no cache accessor.
func TestOnBehalf_ThereIsNoCacheOfMSAL(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, entratest.WithAPI(ownAPI(2)))
	s := newCallee(t, idp)
	s.app.Get("/x/cache", fibermsal.RequireToken(), func(c *fiber.Ctx) error {
		accessor, err := fibermsal.NewCacheAccessor(c)
		if accessor != nil || !errors.Is(err, fibermsal.ErrMisconfigured) {
			t.Errorf("%v, %v", accessor, err)
		}
		return err
	})
	if a := s.call("/x/cache", idp.Issue(adele, apiScope)); a.StatusCode != http.StatusInternalServerError || !strings.Contains(s.log.String(), "token_has_no_cache") {
		t.Errorf("%d %s", a.StatusCode, a.Text)
	}
}

// The app gets scopes of other resources on behalf of the caller.
func TestOnBehalf_HasScopeOfAnotherResource(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, entratest.WithAPI(ownAPI(2), entratest.API{URI: otherURI, Scopes: []string{"Orders.Read"}}))
	s := newCallee(t, idp)
	shown := func(c *fiber.Ctx) error { return c.SendString("shown") }
	for path, scopes := range map[string][]string{
		"/x/graph":  {"https://graph.entra.test/User.Read"},
		"/x/orders": {"access_as_user", otherURI + "/Orders.Read"},
		"/x/lacks":  {"Orders.Write", otherURI + "/Orders.Read"},
	} {
		s.app.Get(path, fibermsal.RequireToken(fibermsal.HasScope(scopes...)), shown)
	}
	token := idp.Issue(adele, apiScope)
	for _, row := range []struct {
		path   string
		status int
		scope  string
		calls  int
	}{
		{"/x/graph", 200, "", 1},
		{"/x/graph", 200, "", 1},
		{"/x/lacks", 403, apiURI + "/Orders.Write", 1}, // of the caller's own token, so nothing is exchanged
		{"/x/orders", 403, apiURI + "/.default", 2},
		{"/x/orders", 403, apiURI + "/.default", 2},
	} {
		a := s.call(row.path, token)
		challenge := a.Header.Get("WWW-Authenticate")
		if a.StatusCode != row.status || row.scope != "" && !strings.Contains(challenge, `scope="`+row.scope+`"`) || len(exchanges(idp)) != row.calls {
			t.Errorf("%s: %d %s %q, %d token calls", row.path, a.StatusCode, a.Text, challenge, len(exchanges(idp)))
		}
	}
}

func TestOnBehalf_GroupsOfTheCallerAreLookedUpByTheirToken(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, entratest.WithAPI(ownAPI(2)))
	var lookups atomic.Int32
	s := newCallee(t, idp, func(cfg *fibermsal.Config) {
		cfg.Groups = func(ctx context.Context, user azcore.TokenCredential, _ []string) ([]string, error) {
			lookups.Add(1)
			token, err := user.GetToken(ctx, policy.TokenRequestOptions{})
			if owner, _ := idp.TokenUser(token.Token); err != nil || owner != adele {
				return nil, err
			}
			return []string{inGroup}, nil
		}
	})
	s.app.Get("/x/group", fibermsal.RequireToken(fibermsal.InGroup(inGroup)), func(c *fiber.Ctx) error { return c.SendString("shown") })
	idp.TamperAccessToken(func(token *entratest.AccessToken) { delete(token.Claims, "groups") })
	for login, status := range map[string]int{adele: 200, alex: 403} {
		token := idp.Issue(login, apiScope)
		var wait sync.WaitGroup
		for range 20 {
			wait.Go(func() {
				if a := s.call("/x/group", token); a.StatusCode != status {
					t.Errorf("%s: %d %s\n%s", login, a.StatusCode, a.Text, s.log)
				}
			})
		}
		wait.Wait()
	}
	if calls := len(exchanges(idp)); calls != 2 || lookups.Load() != 2 {
		t.Errorf("%d token calls, %d lookups for two callers", calls, lookups.Load())
	}
	idp.Fault(entratest.Token, entratest.Fault{OAuth: &entratest.OAuthError{Error: "invalid_grant", Codes: []int{50076}, Claims: factorClaims}})
	if a := s.call("/x/group", idp.Issue(adele, apiScope)); a.StatusCode != http.StatusUnauthorized || claimsOf(t, a) != factorClaims {
		t.Errorf("the lookup needs another factor: %d %s", a.StatusCode, a.Text)
	}
}

// Claims that an app passes on, as Kiota does with those of a service, are for the client.
func TestOnBehalf_RequestedClaimsAreAChallenge(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, entratest.WithAPI(ownAPI(2)))
	s := newCallee(t, idp)
	s.app.Get("/x/claims", fibermsal.RequireToken(), func(c *fiber.Ctx) error {
		_, err := fibermsal.TokenCredential(c).GetToken(c.UserContext(), policy.TokenRequestOptions{Claims: factorClaims})
		return err
	})
	s.app.Get("/x/tenant", fibermsal.RequireToken(), func(c *fiber.Ctx) error {
		_, err := fibermsal.TokenCredential(c).GetToken(c.UserContext(), policy.TokenRequestOptions{TenantID: otherTenant})
		return err
	})
	token := idp.Issue(adele, apiScope)
	if a := s.call("/x/claims", token); a.StatusCode != http.StatusUnauthorized || claimsOf(t, a) != factorClaims {
		t.Errorf("%d %s", a.StatusCode, a.Text)
	}
	if a := s.call("/x/tenant", token); a.StatusCode != http.StatusInternalServerError || len(exchanges(idp)) != 0 {
		t.Errorf("another tenant: %d, %d token calls", a.StatusCode, len(exchanges(idp)))
	}
}
