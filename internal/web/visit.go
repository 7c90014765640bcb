package web

import (
	"context"
	"errors"
	"net/http"

	"github.com/fibermsal/fibermsal/internal/api"
	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/flow"
	"github.com/fibermsal/fibermsal/internal/session"
)

// Exchange gives access to a request and its response while a face's handlers run. Every request that
// needs the user uses it, so its methods must not allocate.
type Exchange interface {
	Context() context.Context
	// Cookie returns a copy of the value of a cookie, if all cookies of its name have the same value
	// (threat D5).
	Cookie(name string) (value string, ok bool)
	// HasCookie reports whether there is a cookie with a name.
	HasCookie(name string) bool
	// SetCookie adds a cookie to the response.
	SetCookie(*http.Cookie)
	// Request returns the access token, whose bytes must not be kept.
	api.Request
	// Path returns the same path as [Request]. Its bytes must not be kept.
	Path() []byte
	// KeepPrivate prevents caches from serving the response to other users. It adds the header that
	// identified the user, Cookie or Authorization, to Vary, and sets Cache-Control to private if it is
	// not set.
	KeepPrivate(header string)
	// Request returns the request as a value.
	Request() *Request
}

// Visit is the library's state for one request while its handlers run. The middleware creates one for
// each request and stores it where handlers find it. It is small, because every request allocates it.
type Visit struct {
	Site     *Site
	Exchange Exchange

	// Tries is the original value of the cookie of tries, if there is one. A middleware behind this
	// one, such as encryptcookie, may discard the value that this one has set.
	Tries string

	// Passive is set if the request does not extend the session.
	Passive bool

	ownRoute bool // the request is for a route of the library

	loaded  bool // at most one storage read (threat H4)
	session *session.Session
	err     error

	token *tokenVisit // if the route accepts access tokens

	to     *flow.Destination // of the sign-in that was about to begin
	inFlow *flowVisit        // if the request takes part in a sign-in or sign-out
}

// flowVisit is the additional state of a request that takes part in a sign-in or sign-out.
type flowVisit struct {
	callback bool          // the request is Entra's response, so a redirect must not repeat its failure
	attempt  *flow.Attempt // that has failed
	browser  flow.Browser  // in which the attempt began
	// requirements are those of the sign-in that was about to begin. A retry needs them, too.
	requirements flow.Requirements

	keptSession   bool            // although the sign-in failed
	cookieRemoved bool            // the session's cookie, although the sign-out failed
	appOnly       bool            // the sign-out leaves the user signed in at Entra
	traced        context.Context // with the span of a sign-in, for log lines after it
}

// flow returns the state of the request's sign-in or sign-out, which is empty for a page.
func (v *Visit) flow() flowVisit {
	if v.inFlow == nil {
		return flowVisit{}
	}
	return *v.inFlow
}

// tokenVisit is the additional state of a request to a route that accepts access tokens.
type tokenVisit struct {
	// isAPI is set if the response is for a client that sends tokens and not for a browser, because the
	// request has a token or the route accepts nothing else.
	isAPI bool
}

// isAPI reports whether errors are answered as RFC 6750 specifies.
func (v *Visit) isAPI() bool { return v.token != nil && v.token.isAPI }

// Session returns the session of the request, or nil if no user is signed in. Only the first
// call reads the storage.
func (v *Visit) Session() (*session.Session, error) {
	if v.loaded {
		return v.session, v.err
	}
	v.loaded = true
	v.Exchange.KeepPrivate(cookie) // already now, because there may be a cache between the middleware and the handler
	token, ok := v.Exchange.Cookie(v.Site.CookieName)
	if !ok {
		return nil, nil
	}
	v.session, v.err = v.Site.Sessions.Load(v.Exchange.Context(), token, v.Passive)
	if errors.Is(v.err, session.ErrCorrupt) {
		v.Exchange.SetCookie(v.Site.expired(v.Site.CookieName, http.SameSiteLaxMode))
		v.session, v.err = nil, nil
	}
	return v.session, v.err
}

// HasLoaded reports whether a function has used the session.
func (v *Visit) HasLoaded() bool { return v.loaded }

// SignedIn returns the session of the request, or an error to respond with.
func (v *Visit) SignedIn() (*session.Session, error) {
	s, err := v.Session()
	if err == nil && s == nil {
		err = autherr.LoginRequired
	}
	return s, err
}

// cookie is the header that identifies the user of a session.
const cookie = "Cookie"

// context returns the context of the request, with the span of the sign-in that it has completed.
func (v *Visit) context() context.Context {
	if traced := v.flow().traced; traced != nil {
		return traced
	}
	return v.Exchange.Context()
}
