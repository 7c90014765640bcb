package token

import (
	"slices"
	"time"

	"github.com/fibermsal/fibermsal/entratest/internal/aadsts"
	"github.com/fibermsal/fibermsal/entratest/internal/grants"
	"github.com/fibermsal/fibermsal/entratest/internal/issuer"
	"github.com/fibermsal/fibermsal/entratest/internal/scopes"
)

// userAnswer is a successful response for a user, with its members in Entra's order.
type userAnswer struct {
	TokenType    string `json:"token_type"`
	Scope        string `json:"scope"`
	ExpiresIn    int    `json:"expires_in"`
	ExtExpiresIn int    `json:"ext_expires_in"`
	RefreshIn    int    `json:"refresh_in,omitempty"`
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token,omitempty"`
	RefreshEnds  int    `json:"refresh_token_expires_in,omitempty"` // of single-page apps
	IDToken      string `json:"id_token,omitempty"`
	ClientInfo   string `json:"client_info,omitempty"`
}

// issueToUser issues the tokens that the call requests and the user has consented to.
func (e *Endpoint) issueToUser(c *call, g *grants.Grant) (*userAnswer, *aadsts.Error) {
	requested := c.scopes
	if requested == nil {
		requested = g.Scopes
	}
	resource, fail := scopes.ResourceOf(requested)
	if fail == nil {
		fail = g.Satisfies(c.claims)
	}
	if fail != nil {
		return nil, fail
	}
	granted, narrowed := g.Account.Granted(), *g
	// Missing OpenID Connect scopes do not cause an error, because MSAL adds them to every call,
	// requested or not.
	narrowed.Scopes = slices.DeleteFunc(slices.Clone(requested), func(sc scopes.Scope) bool { return sc.Resource == "" && !granted[sc.Name] })
	if len(scopes.Missing(granted, e.Scopes.Expand(narrowed.Scopes))) > 0 {
		return nil, aadsts.New(65001, e.App.ClientID)
	}
	answer := e.answer(c, &narrowed, granted, resource)
	answer.Scope = scopes.Echo(granted, resource, requested)
	if scopes.Has(narrowed.Scopes, "offline_access") {
		answer.RefreshToken = e.RefreshTokens.Issue(*g)
		if g.SPA {
			answer.RefreshEnds = int(time.Until(g.SPAEnd()) / time.Second)
		}
	}
	if scopes.Has(narrowed.Scopes, "openid") {
		answer.IDToken = e.Issuer.IDToken(&narrowed, c.grantType)
	}
	if c.form.Get("client_info") == "1" {
		answer.ClientInfo = g.Account.ClientInfo()
	}
	return answer, nil
}

// answer returns a response with an access token for the resource.
func (e *Endpoint) answer(c *call, g *grants.Grant, granted map[string]bool, resource string) *userAnswer {
	token, lifetime := e.Issuer.AccessToken(&issuer.AccessToken{
		Grant: *g, Tenant: g.Account.Tenant, Resource: resource, Names: scopes.GrantedNames(granted, resource),
		CAE: c.claims.Capable(), AZPACR: c.azpacr(),
	})
	seconds := int(lifetime / time.Second)
	return &userAnswer{
		TokenType: "Bearer", ExpiresIn: seconds, ExtExpiresIn: seconds, RefreshIn: int(e.RefreshIn / time.Second),
		AccessToken: token,
	}
}
