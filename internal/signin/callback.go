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

// stateUsedFor is how long a state is remembered as used: as long as its cookie opens.
const stateUsedFor = flow.Lifetime + 2*time.Minute

// Callback is Entra's answer and the request that brought it.
type Callback struct {
	Response *flow.Response
	// Present is the ID of the session whose cookie the request has, or "".
	Present string
	Browser string // its family
	At      time.Time
}

// Begun is the session that a completed sign-in has begun.
type Begun struct {
	Token   string // the value of its cookie
	Session *session.Session
	To      flow.Destination
}

// AttemptOf returns the attempt that an authorization response answers. Only a response whose
// state opens a cookie of this browser has one (threats A1, A2), and only for a limited time
// (A4).
func (f *Flow) AttemptOf(response *flow.Response, cookies []flow.Cookie) (*flow.Attempt, error) {
	name := f.Jar.Name(response.State)
	var found []flow.Cookie
	for _, c := range cookies {
		if c.Name == name {
			found = append(found, c)
		}
	}
	if len(found) != 1 {
		return nil, autherr.Rejected.New("no_flow", nil)
	}
	attempt, ok := f.Jar.Open(found[0])
	switch {
	case !ok:
		return nil, autherr.Rejected.New("flow_unreadable", nil)
	case !attempt.Matches(response.State):
		return nil, autherr.Rejected.New("state_mismatch", nil)
	case attempt.Expired(time.Now()):
		return nil, autherr.Rejected.New("flow_expired", nil)
	}
	return attempt, nil
}

// Finish redeems the response to an attempt and begins a session. The sessions that the
// attempt and the request name end with it.
func (f *Flow) Finish(ctx context.Context, attempt *flow.Attempt, c *Callback) (*Begun, error) {
	if c.Response.Error != "" {
		refusal := refusalOf(c.Response)
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
	grant, claims, err := f.redeem(ctx, attempt, c.Response)
	if err != nil {
		return nil, err
	}
	at := authenticatedAt(claims, attempt, c.At)
	if err := satisfied(attempt.Requirements(), claims, at); err != nil {
		return nil, err
	}
	return f.begin(ctx, &verified{claims, grant, attempt, c, at})
}

// checkIssuer checks the issuer that a response names, if it does (RFC 9207).
func (f *Flow) checkIssuer(ctx context.Context, issuer string) error {
	if issuer == "" {
		_, err := f.Authority.Metadata(ctx) // before the response is spent
		return err
	}
	expected, err := f.Authority.Expects(ctx, issuer)
	if err == nil && !expected {
		err = autherr.Rejected.New("issuer_mismatch", nil)
	}
	return err
}

// redeem exchanges the code for tokens and verifies whose they are.
func (f *Flow) redeem(ctx context.Context, attempt *flow.Attempt, response *flow.Response) (*authority.Grant, *idtoken.Claims, error) {
	once, err := f.once(ctx, response.State)
	if err != nil {
		return nil, nil, err
	}
	scopes := f.Authority.Scopes.ForCode(attempt.Requirements().Scopes)
	grant, err := f.Authority.Redeem(ctx, response.Code, attempt.Verifier(), scopes, once)
	if err != nil {
		return nil, nil, err
	}
	claims, err := f.Authority.VerifyNew(ctx, grant.IDToken, attempt.Nonce())
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

// once returns a function that succeeds once for a state, in all instances (threat A3). It is
// called when the code is about to be sent, and again for each client credential: a response
// that Entra was not called about can still be redeemed.
func (f *Flow) once(ctx context.Context, state string) (func() error, error) {
	claimant, err := session.NewToken()
	if err != nil {
		return nil, err
	}
	return func() error {
		first, err := f.Records.Claim(ctx, state, claimant, stateUsedFor)
		if err != nil {
			return autherr.StorageUnavailable(err)
		}
		if !first {
			return autherr.Rejected.New("replayed", nil)
		}
		return nil
	}, nil
}

// errAnotherUser is a silent sign-in that Entra answered for another user.
func errAnotherUser() error { return autherr.LoginRequired.New(autherr.ReasonAnotherUser, nil) }

// IsAnotherUser reports whether a silent sign-in was answered for another user.
func IsAnotherUser(err error) bool {
	e, ok := autherr.Find(err)
	return ok && errors.Is(e, autherr.LoginRequired) && e.Reason == autherr.ReasonAnotherUser
}
