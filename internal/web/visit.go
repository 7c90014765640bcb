package web

import (
	"context"
	"errors"
	"net/http"

	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/flow"
	"github.com/fibermsal/fibermsal/internal/session"
)

// Exchange is a request and its response while a face's handlers run. Every request that asks
// who the user is uses it, so it must not allocate.
type Exchange interface {
	Context() context.Context
	// Cookie returns a copy of the value of a cookie, if all cookies of its name have the same value
	// (threat D5).
	Cookie(name string) (value string, ok bool)
	// HasCookie reports whether there is a cookie of a name.
	HasCookie(name string) bool
	// SetCookie adds a cookie to the response.
	SetCookie(*http.Cookie)
	// KeepPrivate keeps the response from being served to other users by a cache: it adds Cookie
	// to Vary, and sets Cache-Control to private if nothing has set it.
	KeepPrivate()
	// Request returns the request as a value.
	Request() *Request
}

// Visit is what is known of one request while its handlers run. The middleware makes one for
// each request, and puts it where handlers find it.
type Visit struct {
	// Owner is the Service of the middleware, for the package above this one.
	Owner    any
	Site     *Site
	Exchange Exchange

	// Tries is the cookie of tries as it came in, if there is one: a middleware behind this one, such
	// as encryptcookie, may not know the value that this one sets in front of it.
	Tries string

	// Passive is set if the request does not prolong the session.
	Passive bool

	ownRoute bool              // the library's
	callback bool              // Entra's answer, whose failure no redirect may repeat
	own      *ownVisit         // on one of the library's routes
	attempt  *flow.Attempt     // that failed there
	to       *flow.Destination // of the sign-in that was to begin

	keptSession   bool            // although the sign-in failed
	cookieRemoved bool            // of the session, although the sign-out failed
	appOnly       bool            // the sign-out leaves the user signed in at Entra
	traced        context.Context // with the span of a sign-in, for what is logged after it

	loaded  bool // at most one storage read (threat H4)
	session *session.Session
	err     error
}

// ownVisit is what is known of a request to one of the library's routes besides. It is apart because
// every request takes the memory of a Visit.
type ownVisit struct {
	browser flow.Browser // in which the attempt began
	// requirements are those of the sign-in that was to begin, so that a retry has them, too.
	requirements flow.Requirements
}

// requirements returns those of a sign-in that could not begin, if that is what failed.
func (v *Visit) requirements() flow.Requirements {
	if v.own == nil {
		return flow.Requirements{}
	}
	return v.own.requirements
}

// Session returns the session of the request, or nil if no user is signed in. Only the first
// call reads the storage.
func (v *Visit) Session() (*session.Session, error) {
	if v.loaded {
		return v.session, v.err
	}
	v.loaded = true
	v.Exchange.KeepPrivate() // now, for a cache between the middleware and the handler
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

// HasLoaded reports whether a function has asked for the session.
func (v *Visit) HasLoaded() bool { return v.loaded }

// SignedIn returns the session of the request, or the error to answer without one.
func (v *Visit) SignedIn() (*session.Session, error) {
	s, err := v.Session()
	if err == nil && s == nil {
		err = autherr.LoginRequired
	}
	return s, err
}

// context returns the context of the request, with the span of the sign-in that it completed.
func (v *Visit) context() context.Context {
	if v.traced != nil {
		return v.traced
	}
	return v.Exchange.Context()
}
