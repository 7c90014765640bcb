package graphapi

import (
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/fibermsal/fibermsal/entratest/internal/claims"
	"github.com/fibermsal/fibermsal/entratest/internal/issuer"
	"github.com/fibermsal/fibermsal/entratest/internal/scopes"
	"github.com/fibermsal/fibermsal/entratest/internal/traffic"
)

// authenticate accepts only tokens that were issued for Graph and are still valid.
func (a *API) authenticate(r *http.Request, path string) (*issuer.AccessToken, *failure) {
	value, isBearer := bearer(r)
	if !isBearer {
		return nil, a.invalidToken("Access token is empty.")
	}
	t := a.issuer.Find(value)
	if t != nil && t.Account != nil {
		traffic.NoteUser(r, t.Account.UPN)
	}
	switch {
	case t == nil:
		return nil, a.invalidToken("CompactToken parsing failed with error code: 80049217")
	case t.Resource != scopes.Graph:
		return nil, a.invalidToken("Access token validation failure. Invalid audience.")
	case !time.Now().Before(t.Expires):
		return nil, a.invalidToken("Lifetime validation failed, the token is expired.")
	case t.CAE && t.Account != nil && t.Dead():
		return nil, a.revocationChallenge(t)
	}
	if id := a.contextOf(path); id != "" && !slices.Contains(t.ACRs, id) {
		return nil, a.contextChallenge(t, id)
	}
	return t, nil
}

func bearer(r *http.Request) (string, bool) {
	scheme, value, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	return value, ok && strings.EqualFold(scheme, "Bearer") && value != ""
}

func (a *API) challengeHeader() string {
	return `Bearer realm="", authorization_uri="` + a.origins.Login + `/common/oauth2/authorize", client_id="` + scopes.GraphAppID + `"`
}

func (a *API) invalidToken(message string) *failure {
	return &failure{http.StatusUnauthorized, "InvalidAuthenticationToken", message, a.challengeHeader()}
}

// revocationChallenge requests a token that was issued after the revocation.
func (a *API) revocationChallenge(t *issuer.AccessToken) *failure {
	return a.claimsChallenge(claims.DemandSignIn(t.Account.State().ValidFrom),
		"Continuous access evaluation resulted in claims challenge with result: InteractionRequired and code: TokenIssuedBeforeRevocationTimestamp")
}

// contextChallenge requests an authentication context. Clients that do not declare cp1 would not
// understand the challenge, so they are refused (claims-challenge.md of the identity platform's
// documentation).
func (a *API) contextChallenge(t *issuer.AccessToken, id string) *failure {
	if !t.CAE {
		return denied("The caller does not meet the authentication bar to carry out this operation.")
	}
	f := a.claimsChallenge(claims.DemandContext(id), "The presented access token had insufficient claims. Request those of the WWW-Authenticate header and try again.")
	f.authenticate += `, cc_type="authcontext"`
	return f
}

// claimsChallenge requests claims. entra: they are in standard base64 with padding, in quotes.
func (a *API) claimsChallenge(demand, message string) *failure {
	f := a.invalidToken(message)
	f.authenticate += `, error="insufficient_claims", claims="` + base64.StdEncoding.EncodeToString([]byte(demand)) + `"`
	return f
}
