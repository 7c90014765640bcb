package web

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"strings"

	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/session"
)

// Callers are the kinds of callers that a route accepts.
type Callers uint8

// The kinds of callers.
const (
	Sessions Callers = 1 << iota
	UserTokens
	AppTokens
)

const tokens = UserTokens | AppTokens

// tokenVisit is what is known of a request to a route that accepts access tokens.
type tokenVisit struct {
	caller *session.Session // of a token that was accepted
	// isAPI is set if the answer is for a client that sends tokens, and not for a browser: the request
	// has a token, or the route accepts nothing else.
	isAPI bool
}

// isAPI reports whether errors are answered as RFC 6750 says.
func (v *Visit) isAPI() bool { return v.token != nil && v.token.isAPI }

// Caller returns the session of a caller that a route accepts, or the error to answer. The session
// then is that of the request. A request with a token is judged by its token only: a cookie beside it
// proves nothing about the program that sent the token.
func (v *Visit) Caller(accepted Callers) (*session.Session, error) {
	if accepted&tokens == 0 {
		if v.token != nil { // of a guard around this one
			v.token, v.loaded, v.session = nil, false, nil
		}
		return v.SignedIn()
	}
	v.Exchange.KeepPrivate(authorization)
	raw, err := bearerToken(v.Exchange)
	if err == nil && raw == nil && accepted&Sessions != 0 {
		v.token = new(tokenVisit)
		return v.SignedIn()
	}
	v.token = &tokenVisit{isAPI: true}
	v.loaded, v.session, v.err = true, nil, nil
	switch {
	case err != nil:
		return nil, err
	case raw == nil:
		return nil, autherr.LoginRequired
	}
	caller, err := v.Site.caller(v.Exchange.Context(), raw)
	if err == nil {
		err = accepted.check(caller)
	}
	if err != nil {
		return nil, err
	}
	v.token.caller, v.session = caller, caller
	return caller, nil
}

// check returns an error if a token is not of the accepted kind.
func (c Callers) check(caller *session.Session) error {
	switch app := caller.User.AppOnly; {
	case app && c&AppTokens == 0:
		return autherr.Forbidden.New("app_token", errors.New("the token is an app's own, and the route accepts users only"))
	case !app && c&UserTokens == 0:
		return autherr.Forbidden.New("user_token", errors.New("the token is a user's, and the route accepts apps only"))
	}
	return nil
}

// caller returns the session that stands for a token. Verified tokens are remembered by their hash, so
// that a client's next calls cost no signature.
func (s *Site) caller(ctx context.Context, raw []byte) (*session.Session, error) {
	id := session.CallerID(sha256.Sum256(raw))
	if known := s.Callers.Kept(id); known != nil {
		if err := s.Authority.CheckAccessToken(known.Token); err != nil {
			s.Callers.Drop(id)
			return nil, err
		}
		return known, nil
	}
	claims, err := s.Authority.VerifyAccessToken(ctx, string(raw))
	if err != nil {
		return nil, err
	}
	caller := session.NewCaller(id, claims)
	s.Callers.Keep(caller)
	return caller, nil
}

// Assertion returns a copy of the access token of the request, for an on-behalf-of call. It is an error if
// a handler has replaced the token that the guard verified, because the result would be remembered for
// the caller of that one.
func (v *Visit) Assertion() (string, error) {
	raw, err := bearerToken(v.Exchange)
	if err != nil || v.token == nil || v.token.caller == nil || session.CallerID(sha256.Sum256(raw)) != v.token.caller.ID {
		return "", autherr.Misconfigured.New("authorization_replaced", errors.New("the header Authorization is not the one that the guard verified"))
	}
	return string(raw), nil
}

const (
	authorization = "Authorization"
	bearer        = "Bearer"
	// maxToken bounds tokens, which have a few kilobytes.
	maxToken = 32 << 10
)

// bearerToken returns the access token of a request, nil if it has none, or the error to answer. A
// header of another scheme, such as that of a proxy, is no token.
func bearerToken(e Exchange) ([]byte, error) {
	if e.HasQuery("access_token") { // where logs and browsers keep it (RFC 6750 section 2.3)
		return nil, autherr.InvalidRequest.New("token_in_query", nil)
	}
	value, count := e.Authorization()
	if count > 1 {
		return nil, autherr.InvalidRequest.New("authorization_repeated", nil)
	}
	scheme, token, _ := bytes.Cut(value, []byte{' '})
	token = bytes.Trim(token, " ")
	switch {
	case !strings.EqualFold(string(scheme), bearer):
		return nil, nil
	case len(token) > maxToken:
		return nil, autherr.InvalidRequest.New("token_too_long", nil)
	case !isToken68(token):
		return nil, autherr.InvalidRequest.New("authorization_malformed", nil)
	}
	return token, nil
}

// isToken68 reports whether a text has the syntax of a bearer token (RFC 6750 section 2.1).
func isToken68(text []byte) bool {
	text = bytes.TrimRight(text, "=")
	return len(text) > 0 && bytes.IndexFunc(text, func(r rune) bool {
		return !strings.ContainsRune("-._~+/", r) && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	}) < 0
}
