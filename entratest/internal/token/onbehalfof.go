package token

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/fibermsal/fibermsal/entratest/internal/aadsts"
	"github.com/fibermsal/fibermsal/entratest/internal/grants"
	"github.com/fibermsal/fibermsal/entratest/internal/issuer"
)

// onBehalfOf is the grant with which an API exchanges the token it was called with for one of another API:
// v2-oauth2-on-behalf-of-flow.md of the identity platform's documentation.
const onBehalfOf = "urn:ietf:params:oauth:grant-type:jwt-bearer"

// redeemAssertion exchanges a token of the API for the grant behind it.
func (e *Endpoint) redeemAssertion(c *call) (*grants.Grant, *aadsts.Error) {
	switch use := c.form.Get("requested_token_use"); {
	case use == "":
		return nil, aadsts.New(900144, "requested_token_use")
	case use != "on_behalf_of":
		return nil, aadsts.New(90023, "requested_token_use")
	case c.form.Get("assertion") == "":
		return nil, aadsts.New(900144, "assertion")
	case c.scopes == nil:
		return nil, aadsts.New(900144, "scope")
	}
	t := e.Issuer.Find(c.form.Get("assertion"))
	if t == nil {
		return nil, unknownAssertion(c.form.Get("assertion"))
	}
	if fail := e.checkAssertion(c, t); fail != nil {
		return nil, fail
	}
	g := t.Grant
	g.Nonce = "" // which belongs to the authorization request only
	return &g, g.Check()
}

// checkAssertion checks that the token was issued to this API for a user, and is still valid.
func (e *Endpoint) checkAssertion(c *call, t *issuer.AccessToken) *aadsts.Error {
	api := e.Scopes.API(t.Resource)
	switch now := time.Now(); {
	case !api.IsOf(e.App.ClientID): // nor are tokens for Graph
		return aadsts.New(500131, api.AudienceClaim(), e.App.ClientID, e.App.ClientID)
	case e.Issuer.HasOwnKey(): // entra: a token that the application could have signed itself proves nothing
		return aadsts.New(50013, "The key was not found.")
	case !now.Before(t.Expires):
		return aadsts.New(500133, now.UTC().Format(time.RFC3339), t.Expires.UTC().Format(time.RFC3339))
	case t.Account == nil:
		return aadsts.New(7000114, e.App.ClientID)
	case !slices.Contains(c.tenants, t.Tenant):
		return aadsts.New(50034, t.Account.UPN, c.tenants[0].ID)
	default:
		return nil
	}
}

// unknownAssertion is the error about a token that was not issued as an access token: most often an ID token.
func unknownAssertion(raw string) *aadsts.Error {
	parts := strings.Split(raw, ".")
	if len(parts) != 3 {
		return aadsts.New(50027, "It has not three parts.")
	}
	var payload struct {
		Scopes *string `json:"scp"`
		Roles  any     `json:"roles"`
		Nonce  string  `json:"nonce"`
		Azp    string  `json:"azp"`
		AppID  string  `json:"appid"`
	}
	decoded, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(decoded, &payload) != nil {
		return aadsts.New(50027, "A part is not base64url of what it should be.")
	}
	if payload.Scopes == nil && payload.Azp == "" && payload.AppID == "" {
		return aadsts.New(240002)
	}
	return aadsts.New(50013, "The provided signature value did not match the expected signature value.")
}
