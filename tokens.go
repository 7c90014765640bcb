package fibermsal

import (
	"context"
	"errors"
	"strings"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"
)

// claimsChallenges is the capability to answer claims challenges, for which APIs with
// continuous access evaluation get tokens that live for a day.
const claimsChallenges = "cp1"

// msalClient makes an MSAL client for one session and one call. Clients cost
// microseconds and must not be shared: MSAL mixes up the tokens of concurrent
// users (trap M1). Instance discovery is off because it asks once per client
// about an authority that is configured.
func (a *Auth) msalClient(credential confidential.Credential, tokens tokenCache) (confidential.Client, *exchange, error) {
	x := &exchange{client: a.entra, gate: a.gate, graph: a.cfg.graph}
	client, err := confidential.New(a.cfg.authority, a.cfg.ClientID, credential,
		confidential.WithCache(&CacheAccessor{cache: tokens}),
		confidential.WithHTTPClient(x),
		confidential.WithInstanceDiscovery(false),
		confidential.WithClientCapabilities([]string{claimsChallenges}))
	if err != nil {
		return confidential.Client{}, nil, ErrMisconfigured.because("client", errors.New("MSAL refused the authority or the credential"))
	}
	return client, x, nil
}

// grant is what redeeming a code gave. Its id_token is not verified yet.
type grant struct {
	tokens  *stagedTokens
	idToken string
	account entraAccount
	scopes  []string // granted
	// failure is why the tokens cannot be used although there is an id_token:
	// whether that is genuine decides which of the two is worth telling.
	failure error
}

// redeem exchanges a code for tokens, which stay in memory. The code is sent
// once, if the claim to it succeeds: a second time Entra refuses it.
func (a *Auth) redeem(ctx context.Context, claim func() error, code, verifier string, scopes []string) (*grant, error) {
	g := &grant{tokens: &stagedTokens{}}
	var result confidential.AuthResult
	x, err := a.asApp(ctx, g.tokens, func(client confidential.Client, x *exchange) (err error) {
		x.before = claim
		result, err = client.AcquireTokenByAuthCode(ctx, code, a.cfg.redirectURI, scopes, confidential.WithChallenge(verifier))
		return err
	})
	if x == nil {
		return nil, err
	}
	g.idToken, g.scopes = x.answer.IDToken, strings.Fields(x.answer.Scope)
	var known bool
	g.account, known = x.account()
	switch {
	case err != nil:
		g.failure = redemptionFailure(x.failure(scopes, true))
	case g.idToken == "":
		g.failure = ErrRejected.because("no_id_token", nil)
	case !known || result.Account.HomeAccountID != g.account.String():
		g.failure = ErrRejected.because("client_info", nil)
	}
	if g.idToken == "" {
		return nil, g.failure
	}
	return g, nil
}

// redemptionFailure: a code that Entra refuses belongs to no sign-in of ours.
func redemptionFailure(e *Error) *Error {
	if errors.Is(e, ErrLoginRequired) {
		refused := ErrRejected.because("code_refused", e.Err)
		refused.advice = e.advice
		return refused
	}
	return e
}
