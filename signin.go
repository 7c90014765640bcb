package fibermsal

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fibermsal/fibermsal/internal/aadsts"
	"github.com/fibermsal/fibermsal/internal/flow"
	"github.com/fibermsal/fibermsal/internal/idtoken"
	"github.com/fibermsal/fibermsal/internal/redact"
)

// hookTimeout bounds the app's OnSignIn and OnSignOut.
const hookTimeout = 10 * time.Second

// usedFor is how long a state is remembered as used: as long as its cookie opens.
const usedFor = flow.Lifetime + 2*time.Minute

// begin starts a sign-in: where to send the browser, and the cookie it must bring
// back. It writes nothing to the storage (threat G26).
func (a *Auth) begin(ctx context.Context, to flow.Destination, replaces string, ask flow.Ask) (authorizeURL string, cookie flow.Cookie, err error) {
	if err := ask.Check(); err != nil {
		return "", flow.Cookie{}, unaskable(err)
	}
	attempt, err := flow.Begin(a.rand, time.Now(), to, replaces, ask)
	if err != nil {
		return "", flow.Cookie{}, ErrMisconfigured.because("no_randomness", err)
	}
	if authorizeURL, err = a.authorizeURL(ctx, attempt); err != nil {
		return "", flow.Cookie{}, err
	}
	cookie, err = a.flows.Seal(attempt)
	return authorizeURL, cookie, err
}

// authorizeURL is made here, of the endpoint in the configuration, which our transport
// has validated. MSAL's confidential client would send neither state, nonce, PKCE nor
// response_mode, and decodes the configuration anew for each visitor (traps M4, M6).
func (a *Auth) authorizeURL(ctx context.Context, attempt *flow.Attempt) (string, error) {
	ask := attempt.Ask()
	claims, err := ask.ClaimsParameter(claimsChallenges)
	if err != nil {
		return "", unaskable(err)
	}
	m, err := a.metadata(ctx)
	if err != nil {
		return "", err
	}
	u, err := url.Parse(m.AuthorizationEndpoint)
	if err != nil {
		return "", entraUnavailable("discovery_failed", nil)
	}
	q := u.Query()
	for name, value := range map[string]string{
		"client_id": a.cfg.ClientID, "redirect_uri": a.cfg.redirectURI, "response_type": "code", "response_mode": string(a.cfg.ResponseMode),
		"scope": strings.Join(slices.Concat(reservedScopes, a.signInScopes(ask.Scopes)), " "),
		"state": attempt.State(), "nonce": attempt.Nonce(), "claims": claims,
		"code_challenge": attempt.Challenge(), "code_challenge_method": "S256",
	} {
		q.Set(name, value)
	}
	setInteraction(q, ask)
	u.RawQuery = q.Encode()
	return u.String(), nil
}

// setInteraction says what the user is to be shown.
func setInteraction(q url.Values, ask flow.Ask) {
	switch {
	case ask.Silent:
		q.Set("prompt", "none")
	case ask.SelectAccount:
		q.Set("prompt", "select_account")
	case ask.MaxAge > 0:
		// Entra documents prompt=login alone; max_age is OpenID Connect's.
		q.Set("prompt", "login")
		q.Set("max_age", strconv.FormatInt(ask.MaxAge, 10))
	}
	if ask.LoginHint != "" {
		q.Set("login_hint", ask.LoginHint)
	}
}

// finished is a completed sign-in.
type finished struct {
	id      string // the session cookie's value
	session *session
	to      flow.Destination
}

// attemptOf finds the attempt that an authorization response answers. Only a
// response whose state opens a cookie of this browser has one (threats A1,
// A2), and only while it is young (A4).
func (a *Auth) attemptOf(response *flow.Response, cookies []flow.Cookie) (*flow.Attempt, error) {
	name := a.flows.Name(response.State)
	var found []flow.Cookie
	for _, c := range cookies {
		if c.Name == name {
			found = append(found, c)
		}
	}
	if len(found) != 1 {
		return nil, ErrRejected.because("no_flow", nil)
	}
	attempt, ok := a.flows.Open(found[0])
	switch {
	case !ok:
		return nil, ErrRejected.because("flow_unreadable", nil)
	case !attempt.Matches(response.State):
		return nil, ErrRejected.because("state_mismatch", nil)
	case attempt.Expired(time.Now()):
		return nil, ErrRejected.because("flow_expired", nil)
	}
	return attempt, nil
}

// arrival is Entra's answer and what else its request tells.
type arrival struct {
	response *flow.Response
	present  string // the record of the session whose cookie came along
	browser  string // its family
	at       time.Time
}

// finish redeems the response to an attempt and begins a session. The sessions that
// the attempt's cookie and the request name end with it.
func (a *Auth) finish(ctx context.Context, attempt *flow.Attempt, with *arrival) (*finished, error) {
	response := with.response
	if response.Error != "" {
		return nil, refusedByEntra(response)
	}
	if response.Code == "" {
		return nil, ErrRejected.because("no_code", nil)
	}
	ctx, done, err := takeTurn(ctx, a.signInTurns)
	if err != nil {
		return nil, err
	}
	defer done()
	m, err := a.metadata(ctx)
	if err != nil {
		return nil, err
	}
	verifier := a.verifier(m)
	if response.Issuer != "" && !verifier.Expects(response.Issuer) {
		return nil, ErrRejected.because("issuer_mismatch", nil) // RFC 9207
	}
	claim, err := a.useOnce(ctx, response.State)
	if err != nil {
		return nil, err
	}
	g, err := a.redeem(ctx, claim, response.Code, attempt.Verifier(), a.redeemable(attempt.Ask().Scopes))
	if err != nil {
		return nil, err
	}
	claims, err := verifier.Verify(ctx, g.idToken, attempt.Nonce())
	if err != nil {
		return nil, refusedToken(err)
	}
	if g.failure != nil {
		return nil, g.failure
	}
	if !sameAccount(claims, g.account) {
		return nil, ErrRejected.because("client_info", nil)
	}
	if err := brought(attempt.Ask(), claims); err != nil {
		return nil, err
	}
	return a.signIn(ctx, claims, g, attempt, with)
}

// reasonAnotherUser is a silent sign-in that Entra answered for somebody else: nobody
// becomes another user without having seen a page.
const reasonAnotherUser = "another_user"

// brought checks that a sign-in was what it was asked to be: a user can take the
// wish for a password or a second factor out of the authorize URL.
func brought(ask flow.Ask, claims *idtoken.Claims) error {
	if ask.User != "" && ask.User != claims.ObjectID {
		return ErrLoginRequired.because(reasonAnotherUser, nil)
	}
	if ask.AuthContext != "" && !slices.Contains(claims.AuthContexts, ask.AuthContext) {
		return ErrRejected.because("auth_context_missing", errors.New("the id_token does not name the authentication context "+ask.AuthContext))
	}
	switch authenticated, known := claims.AuthenticatedAt(); {
	case ask.MaxAge == 0:
		return nil
	case !known:
		return ErrRejected.because("auth_time_missing", errors.New("MaxAge needs the claim auth_time: add it to the registration's ID token as an optional claim"))
	case !provenWithin(authenticated, ask.MaxAge):
		return ErrRejected.because("not_reauthenticated", fmt.Errorf(
			"the user proved who they are %v ago by this machine's clock, and MaxAge is %d s", time.Since(authenticated).Round(time.Second), ask.MaxAge))
	}
	return nil
}

// useOnce returns what lets a response be redeemed once, on whichever instance it
// arrives (threat A3). It is called when the code is about to go out, and for each of
// the app's credentials again: a response that Entra was not asked about stays good.
func (a *Auth) useOnce(ctx context.Context, state string) (claim func() error, err error) {
	claimant, err := randomID(a.rand)
	if err != nil {
		return nil, err
	}
	return func() error {
		first, err := a.records.Claim(ctx, state, claimant, usedFor)
		if err != nil {
			return storageUnavailable(err)
		}
		if !first {
			return ErrRejected.because("replayed", nil)
		}
		return nil
	}, nil
}

func (a *Auth) signIn(ctx context.Context, claims *idtoken.Claims, g *grant, attempt *flow.Attempt, with *arrival) (*finished, error) {
	s := &session{
		User: userOf(claims), Origin: a.cfg.origin, Account: g.account.String(), LoginHint: claims.LoginHint,
		EntraSession: claims.SessionID, Scopes: g.scopes, AuthContexts: map[string]time.Time{},
		Groups: claims.Groups, GroupsElsewhere: claims.GroupsElsewhere(), Browser: with.browser,
	}
	s.AuthenticatedAt, _ = claims.AuthenticatedAt()
	s.User.SignedInAt, s.User.ExpiresAt = with.at, with.at.Add(a.cfg.AbsoluteTimeout)
	for _, id := range claims.AuthContexts {
		s.AuthContexts[id] = s.User.ExpiresAt
	}
	leaving := a.alive(ctx, attempt.Replaces(), with.present)
	if !attempt.Ask().IsZero() {
		old := leaving[attempt.Replaces()] // without it the user proves it again
		if attempt.Ask().Silent && (old == nil || !s.sameUser(old)) {
			return nil, ErrLoginRequired.because(reasonAnotherUser, nil) // signed out meanwhile, or somebody else in, which wins
		}
		s.inherit(old)
	}
	var err error
	if s.User, err = a.completed(ctx, s.User, &credential{auth: a, session: s.during(a.flows.Name(attempt.State())), tokens: g.tokens}); err != nil {
		return nil, err
	}
	f := &finished{session: s, to: attempt.Destination()}
	if f.id, err = a.create(ctx, s, with.at, g.tokens.snapshot(), leaving); err != nil {
		return nil, errors.Join(err, a.end(ctx, s.recordName))
	}
	// The new session is written before the old one goes: a crash in between
	// leaves a session too many, never none.
	for _, old := range []string{attempt.Replaces(), with.present} {
		if err := a.discard(ctx, old); err != nil {
			return nil, errors.Join(err, a.end(ctx, s.recordName))
		}
	}
	for _, old := range leaving {
		a.delist(ctx, old)
	}
	return f, nil
}

// alive are those of the sessions with these names that can be read.
func (a *Auth) alive(ctx context.Context, names ...string) map[string]*session {
	sessions := make(map[string]*session)
	for _, name := range names {
		if name == "" || sessions[name] != nil {
			continue
		}
		if s, err := a.read(ctx, name); err == nil && s != nil {
			sessions[name] = s
		}
	}
	return sessions
}

// during gives a session that has no records yet a name of its own, so that
// concurrent sign-ins do not wait for each other's tokens.
func (s *session) during(signIn string) *session {
	provisional := *s
	provisional.recordName = signIn
	return &provisional
}

// sameAccount reports whether the tokens, which MSAL files under the account of
// client_info, are those of the verified user (threat B7). A guest has
// another object id at home; then the id_token names that home.
func sameAccount(c *idtoken.Claims, account entraAccount) bool {
	if account.TenantID == c.TenantID {
		return account.ObjectID == c.ObjectID
	}
	if c.IdentityProvider == "live.com" {
		return account.TenantID == idtoken.ConsumersTenant
	}
	return c.IdentityProvider == "https://sts.windows.net/"+account.TenantID+"/"
}

func refusedToken(err error) error {
	if errors.Is(err, idtoken.ErrKeysUnavailable) {
		return entraUnavailable(reasonKeys, nil)
	}
	var refused *idtoken.Error
	if !errors.As(err, &refused) {
		return ErrRejected.because("id_token", nil)
	}
	if refused.Reason == idtoken.TenantNotAllowed || refused.Reason == idtoken.WrongIssuer {
		return &Error{
			Code: "tenant_not_allowed", Status: http.StatusForbidden, Reason: string(refused.Reason),
			Message: "Accounts of your organization cannot sign in here.",
		}
	}
	return ErrRejected.because(string(refused.Reason), nil)
}

// reasonCancelled is Entra's code for a user who does not want to, after all.
const reasonCancelled = "access_denied"

// refusedByEntra turns an error response into one of ours. Its texts are
// anybody's to write and go to the log alone (threat A10).
func refusedByEntra(response *flow.Response) *Error {
	said := strings.Join(strings.Fields(response.Error+" "+response.ErrorSubcode+" "+response.ErrorDescription), " ")
	return kindOfRefusal(response, errors.New(redact.Text(said))).advised(aadsts.Numbers(response.ErrorDescription)...)
}

func kindOfRefusal(response *flow.Response, cause error) *Error {
	switch response.Error {
	case reasonCancelled:
		e := ErrRejected.because(reasonCancelled, cause)
		e.Message = "The sign-in was cancelled."
		return e
	case "consent_required":
		return ErrConsentRequired.because("consent_required", cause)
	case "temporarily_unavailable", "server_error":
		return entraUnavailable("entra_error", cause)
	}
	return ErrRejected.because("entra_error", cause)
}
