// Package signin begins sign-ins and turns Entra's responses into sessions.
package signin

import (
	"context"
	"crypto/rand"
	"net/url"
	"time"

	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/authority"
	"github.com/fibermsal/fibermsal/internal/flow"
	"github.com/fibermsal/fibermsal/internal/msalcache"
	"github.com/fibermsal/fibermsal/internal/record"
	"github.com/fibermsal/fibermsal/internal/session"
	"github.com/fibermsal/fibermsal/internal/turn"
)

// Options configure a Flow.
type Options struct {
	Authority    *authority.Client
	Sessions     *session.Store
	Records      *record.Store
	Jar          *flow.Jar
	ResponseMode string
	// OnSignIn completes the verified user of a session that is about to begin, or refuses the sign-in.
	// The session has a provisional ID, and its tokens are in memory.
	OnSignIn func(context.Context, *session.Session, *msalcache.Memory) (session.Identity, error)
}

// Flow is the authorization code flow. It is safe for concurrent use.
type Flow struct {
	Options
	turns    *turn.Queue    // separate from that of renewals, because anyone can keep it busy
	sent     *record.Memory // attempts whose code this process has sent
	failures allowance
}

// NewFlow returns a Flow.
func NewFlow(o Options) *Flow {
	return &Flow{Options: o, turns: turn.NewQueue(), sent: record.NewMemory()}
}

// Started is a sign-in that has begun.
type Started struct {
	Attempt *flow.Attempt
	Browser flow.Browser // the content of the browser's cookies
	URL     string       // to which to redirect the browser
}

// Begin starts a sign-in. Nothing is written to the storage (threat G26).
func (f *Flow) Begin(ctx context.Context, s *flow.Start) (*Started, error) {
	if err := s.Requirements.Check(); err != nil {
		return nil, Inexpressible(err)
	}
	attempt, browser, err := f.Jar.Begin(rand.Reader, time.Now(), s)
	if err != nil {
		return nil, autherr.Misconfigured.New("no_randomness", err)
	}
	target, err := f.AuthorizeURL(ctx, attempt)
	return &Started{attempt, browser, target}, err
}

// Inexpressible returns the error for requirements that an authorize request cannot express. The page
// fails, because it must not accept a weaker sign-in (threat B14).
func Inexpressible(err error) *autherr.Error { return autherr.Misconfigured.New("ask", err) }

// AuthorizeURL returns the URL of an attempt's authorize request. It is built from the endpoint in the
// authority's configuration, which the transport has validated. MSAL's confidential client would send
// no state, nonce, PKCE challenge or response_mode, and it decodes the configuration again for each
// visitor (traps M4, M6).
func (f *Flow) AuthorizeURL(ctx context.Context, attempt *flow.Attempt) (string, error) {
	requirements := attempt.Requirements()
	claims, err := requirements.ClaimsParameter(authority.ClaimsCapability)
	if err != nil {
		return "", Inexpressible(err)
	}
	m, err := f.Authority.Metadata(ctx)
	if err != nil {
		return "", err
	}
	u, err := url.Parse(m.AuthorizationEndpoint)
	if err != nil {
		return "", autherr.TryLater("discovery_failed", nil)
	}
	q := u.Query()
	for name, value := range requirements.Parameters { // set first, so that they cannot replace parameters of the protocol
		q.Set(name, value)
	}
	for name, value := range map[string]string{
		"client_id": f.Authority.ClientID, "redirect_uri": f.Authority.RedirectURI,
		"response_type": "code", "response_mode": f.ResponseMode,
		"scope": f.Authority.Scopes.ForSignIn(requirements.Scopes),
		"state": attempt.State(), "nonce": attempt.Nonce(), "claims": claims,
		"code_challenge": attempt.Challenge(), "code_challenge_method": "S256",
	} {
		q.Set(name, value)
	}
	setPrompt(q, requirements)
	u.RawQuery = q.Encode()
	return u.String(), nil
}

// setPrompt sets the parameters that control which pages Entra shows.
func setPrompt(q url.Values, r flow.Requirements) {
	switch {
	case r.Silent:
		q.Set("prompt", "none")
	case r.MaxAge > 0:
		// max_age is not sent in addition, because it would only shorten the lifetime of the ID token:
		// users who need long for the second factor would return with an expired one. Without a hint,
		// users also choose their account.
		q.Set("prompt", "login")
	case r.SelectAccount:
		q.Set("prompt", "select_account")
	case r.Prompt != "":
		q.Set("prompt", r.Prompt)
	}
	if r.LoginHint != "" && !r.SelectAccount { // Entra does not accept both
		q.Set("login_hint", r.LoginHint)
	}
	if r.DomainHint != "" {
		q.Set("domain_hint", r.DomainHint)
	}
}
