package fibermsal_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
)

// apiScope is a scope of the app's own API, and ownAPI the registration's.
const (
	apiURI   = "api://00001111-aaaa-2222-bbbb-3333cccc4444"
	apiScope = apiURI + "/access_as_user"
)

func ownAPI(version int) entratest.API {
	return entratest.API{URI: apiURI, Version: version, Scopes: []string{"access_as_user", "Orders.Write"}, Roles: map[string][]string{adele: {"Admin"}}}
}

// apiSite is a site with routes for clients that send access tokens.
type apiSite struct{ *site }

// newAPI makes a site whose handlers answer with the caller and with the user of Graph's token.
func newAPI(t *testing.T, idp *entratest.Server, change ...func(*fibermsal.Config)) apiSite {
	t.Helper()
	s := newSite(t, idp, change...)
	caller := func(c *fiber.Ctx) error {
		u, ok := fibermsal.FromContext(c)
		if !ok {
			return c.SendString("nobody")
		}
		return c.JSON(u)
	}
	graph := func(c *fiber.Ctx) error {
		token, err := fibermsal.TokenCredential(c).GetToken(c.UserContext(), tokenRequest())
		if err != nil {
			return err
		}
		owner, _ := idp.TokenUser(token.Token)
		return c.SendString(owner)
	}
	s.app.Get("/api/me", fibermsal.RequireToken(), caller)
	s.app.Get("/api/scope", fibermsal.RequireToken(fibermsal.HasScope("Orders.Write")), caller)
	s.app.Get("/api/role", fibermsal.RequireFrom(fibermsal.UserTokens|fibermsal.AppTokens, fibermsal.HasRole("Admin", "Orders.Read.All")), caller)
	s.app.Get("/api/app", fibermsal.RequireFrom(fibermsal.AppTokens), caller)
	s.app.Get("/api/any", fibermsal.RequireFrom(fibermsal.UserTokens|fibermsal.AppTokens), caller)
	s.app.Get("/api/graph", fibermsal.RequireToken(), graph)
	s.app.Get("/api/c1", fibermsal.RequireToken(fibermsal.HasAuthContext("c1")), caller)
	s.app.Get("/api/fresh", fibermsal.RequireToken(fibermsal.AuthenticatedWithin(time.Minute)), caller)
	s.app.Get("/both", fibermsal.RequireFrom(fibermsal.Sessions|fibermsal.UserTokens), caller)
	s.app.Get("/cookie", fibermsal.Require(), caller)
	return apiSite{s}
}

// call calls a route with a token, and further headers as "Name: value".
func (s apiSite) call(path, token string, headers ...string) *answer {
	s.t.Helper()
	r := httptest.NewRequest(http.MethodGet, path, http.NoBody)
	r.Host = strings.TrimPrefix(publicURL, "https://")
	if token != "" {
		r.Header.Add("Authorization", "Bearer "+token)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Add(name, value)
	}
	return s.send(r)
}
