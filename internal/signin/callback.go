package signin

import (
	"context"
	"errors"
	"time"

	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/authority"
	"github.com/fibermsal/fibermsal/internal/flow"
	"github.com/fibermsal/fibermsal/internal/idtoken"
	"github.com/fibermsal/fibermsal/internal/session"
	"github.com/fibermsal/fibermsal/internal/telemetry"
)

// Callback is Entra's response and the request that contains it.
type Callback struct {
	Response *flow.Response
	// Present is the ID of the session whose cookie is in the request, or "".
	Present string
	Browser flow.Browser
	Family  string // of the browser
	At      time.Time
}

// Begun describes the session that a completed sign-in has begun.
type Begun struct {
	Token   string // the value of its cookie
	Session *session.Session
	To      flow.Destination
}

// AttemptOf returns the attempt to which an authorization response belongs. It returns an error unless
// this app has sealed the state in the response (threat A1). cookie returns the value of a cookie of
// the request.
func (f *Flow) AttemptOf(response *flow.Response, b flow.Browser, cookie func(name string) (value string, ok bool)) (*flow.Attempt, error) {
	attempt, ok := f.Jar.Open(response.State, b, cookie)
	if !ok {
		return nil, unknownState(response)
	}
	return attempt, nil
}

// Finish redeems the response to an attempt and begins a session. The sessions that the attempt and the
// request identify are ended.
func (f *Flow) Finish(ctx context.Context, attempt *flow.Attempt, c *Callback) (*Begun, error) {
	if c.Response.Error != "" {
		refusal := Refusal(c.Response)
		f.Authority.Telemetry.EntraError(ctx, telemetry.EndpointAuthorize, autherr.AADSTS(refusal))
		return nil, refusal
	}
	if c.Response.Code == "" {
		return nil, autherr.Rejected.New("no_code", nil)
	}
	ctx, done, err := authority.TakeTurn(ctx, f.turns)
	if err != nil {
		return nil, err
	}
	defer done()
	if err := f.checkIssuer(ctx, c.Response.Issuer); err != nil {
		return nil, err
	}
	r, err := f.newRedemption(attempt)
	if err != nil {
		return nil, err
	}
	grant, claims, err := f.redeem(ctx, r, c.Response)
	if err != nil {
		return nil, err
	}
	at := authenticatedAt(claims, attempt, c.At)
	if err := satisfied(attempt.Requirements(), claims, at); err != nil {
		return nil, err
	}
	if err := r.complete(ctx, f.Records); err != nil {
		return nil, err
	}
	return f.begin(ctx, &verified{claims, grant, attempt, c, at})
}

// checkIssuer checks the issuer in a response, if there is one (RFC 9207).
func (f *Flow) checkIssuer(ctx context.Context, issuer string) error {
	if issuer == "" {
		_, err := f.Authority.Metadata(ctx) // before the response is used up
		return err
	}
	expected, err := f.Authority.Expects(ctx, issuer)
	if err == nil && !expected {
		err = autherr.Rejected.New("issuer_mismatch", nil)
	}
	return err
}

// redeem exchanges the code for tokens and verifies the ID token and the account.
func (f *Flow) redeem(ctx context.Context, r *redemption, response *flow.Response) (*authority.Grant, *idtoken.Claims, error) {
	scopes := f.Authority.Scopes.ForCode(r.attempt.Requirements().Scopes)
	grant, err := f.Authority.Redeem(ctx, response.Code, r.attempt.Verifier(), scopes, r.beforeSending)
	r.settle(err)
	if err != nil {
		return nil, nil, explainedRedemption(err)
	}
	claims, err := f.Authority.VerifyNew(ctx, grant.IDToken, r.attempt.Nonce())
	switch {
	case err != nil:
		return nil, nil, err
	case grant.Failure != nil:
		return nil, nil, grant.Failure
	case !sameAccount(claims, grant.Account):
		return nil, nil, autherr.Rejected.New("client_info", nil)
	}
	return grant, claims, nil
}

// errAnotherUser returns the error for a silent sign-in that Entra answered for another user.
func errAnotherUser() error { return autherr.LoginRequired.New(autherr.ReasonAnotherUser, nil) }

// IsAnotherUser reports whether a silent sign-in was answered for another user.
func IsAnotherUser(err error) bool {
	e, ok := autherr.Find(err)
	return ok && errors.Is(e, autherr.LoginRequired) && e.Reason == autherr.ReasonAnotherUser
}
