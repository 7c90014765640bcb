package token

import (
	"net/http"

	"github.com/fibermsal/fibermsal/entratest/internal/aadsts"
	"github.com/fibermsal/fibermsal/entratest/internal/clientauth"
	"github.com/fibermsal/fibermsal/entratest/internal/grants"
	"github.com/fibermsal/fibermsal/entratest/internal/traffic"
)

// Serve responds to a request to the token endpoint below the tenant segment.
func (e *Endpoint) Serve(w http.ResponseWriter, r *http.Request, segment string) {
	c, fail := e.parse(r, segment)
	var answer any
	switch {
	case fail != nil:
	case c.grantType == clientCredentials:
		answer, fail = e.issueToApp(c)
	default:
		answer, fail = e.redeem(r, c)
	}
	if fail != nil {
		clientauth.Challenge(w, r, fail)
		fail.Write(w, r, e.Origins.Login)
		return
	}
	e.write(w, r, c.grantType, answer)
}

// redeem exchanges a code, refresh token or assertion of a user for tokens.
func (e *Endpoint) redeem(r *http.Request, c *call) (*userAnswer, *aadsts.Error) {
	g, fail := e.grantOf(c)
	if fail != nil {
		return nil, fail
	}
	traffic.NoteUser(r, g.Account.UPN)
	answer, fail := e.issueToUser(c, g)
	if fail != nil {
		e.RefreshTokens.Unspend(c.form.Get("refresh_token"))
	}
	return answer, fail
}

func (e *Endpoint) grantOf(c *call) (*grants.Grant, *aadsts.Error) {
	switch c.grantType {
	case "authorization_code":
		return e.Codes.Redeem(grants.Redemption{
			Code: c.form.Get("code"), RedirectURI: c.form.Get("redirect_uri"), Verifier: c.form.Get("code_verifier"), Tenants: c.tenants, Client: c.client,
		})
	case "refresh_token":
		return e.RefreshTokens.Redeem(c.form.Get("refresh_token"), c.tenants, c.client)
	case onBehalfOf:
		return e.redeemAssertion(c)
	default:
		return nil, aadsts.New(70003, c.grantType)
	}
}
