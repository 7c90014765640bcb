package web

import (
	"bytes"
	"errors"

	"github.com/fibermsal/fibermsal/internal/api"
	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/session"
)

// Caller returns the session of a caller that a route accepts, or an error to respond with. The session
// becomes that of the request. If a request has a token, only the token is used, because a cookie in
// the same request proves nothing about the program that sent the token.
func (v *Visit) Caller(accepted api.Callers) (*session.Session, error) {
	if !accepted.HaveTokens() {
		v.forgetCaller()
		v.token = nil
		return v.SignedIn()
	}
	v.Exchange.KeepPrivate(api.Authorization)
	token, err := api.TokenOf(v.Exchange)
	if err == nil && token == nil && accepted&api.Sessions != 0 {
		v.forgetCaller()
		v.token = new(tokenVisit)
		return v.SignedIn()
	}
	v.token = &tokenVisit{isAPI: true}
	v.loaded, v.session, v.err = true, nil, nil
	switch {
	case err != nil:
		return nil, err
	case token == nil:
		return nil, autherr.LoginRequired
	}
	caller, err := v.Site.Tokens.Caller(v.Exchange.Context(), token)
	if err == nil {
		err = accepted.Check(caller)
	}
	if err != nil {
		return nil, err
	}
	v.session = caller
	return caller, nil
}

// forgetCaller removes the caller that a guard around this one has accepted with a token, because it is
// not the user of a session.
func (v *Visit) forgetCaller() {
	if v.isAPI() {
		v.loaded, v.session, v.err = false, nil, nil
	}
}

// Assertion returns a copy of the access token of the request, for an on-behalf-of call. It returns an
// error if a handler has replaced the token that the guard verified, because the result would be cached
// for the original caller.
func (v *Visit) Assertion() (string, error) {
	token, err := api.TokenOf(v.Exchange)
	if err != nil || v.session == nil || v.session.ID != api.IDOf(token) {
		return "", autherr.Misconfigured.New("authorization_replaced", errors.New("the header Authorization is not the one that the guard verified"))
	}
	return string(token), nil
}

// Metadata returns the response to a request for the metadata of the app's API, or nil for other requests.
func (v *Visit) Metadata() *Response {
	s := v.Site
	if s.Resource == nil {
		return nil
	}
	if path := v.Exchange.Path(); !s.Resource.IsMetadata(bytes.TrimPrefix(path, []byte(s.BasePath))) { // this runs for every request
		return nil
	}
	out := newResponse()
	out.Status, out.Header, out.Body = s.Resource.Answer(v.Exchange.Request().Method)
	return out
}
