package web

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/fibermsal/fibermsal/internal/api"
	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/authority"
	"github.com/fibermsal/fibermsal/internal/signin"
)

// Finish returns the response that replaces what the handlers wrote before they returned an error, or
// the error itself if it is not the library's. If the storage failed, the handlers saw no user, so
// their response or error may be wrong and is replaced; a sign-out nevertheless removes the cookie
// (threat D10). status is the status of their response, or that of the response to their error.
func (v *Visit) Finish(err error, status int) (*Response, error) {
	v.keepPrivate()
	if v.err != nil && !v.Site.AnonymousOnOutage && !errors.Is(err, autherr.Unavailable) && !errors.Is(err, autherr.SignOut) {
		err = v.err
	} else if status == http.StatusForbidden && !v.ownRoute {
		v.reportRefusedCallback()
	}
	if err == nil {
		v.forgetTries(status)
		return nil, nil
	}
	e, ok := autherr.Find(err)
	if !ok {
		return nil, err
	}
	if v.isAPI() {
		return v.answerClient(e), nil
	}
	if autherr.NeedsSignIn(e) && v.guardsSignIns() {
		e = autherr.Misconfigured.New("guarded_route", errors.New("a guard or handler is in front of RegisterRoutes: register the routes first, because no sign-in can pass it"))
	}
	if i := autherr.IntentOf(e); i != nil {
		return v.carryOut(e, i), nil
	}
	return v.answer(e), nil
}

// keepPrivate sets the headers that keep the response out of shared caches again, because handlers may
// have replaced them (threat C6).
func (v *Visit) keepPrivate() {
	if v.token != nil {
		v.Exchange.KeepPrivate(api.Authorization)
	}
	if v.loaded && !v.isAPI() {
		v.Exchange.KeepPrivate(cookie)
	}
}

// guardsSignIns reports whether the handler that failed prevented a sign-in from reaching its route.
func (v *Visit) guardsSignIns() bool {
	path := v.Exchange.Request().Path
	return !v.ownRoute && (path == v.Site.RoutePrefix+LoginPath || path == v.Site.RoutePrefix+CallbackPath)
}

// reportRefusedCallback logs why a response of Entra did not reach its route, if a middleware between
// this one and the routes refused it. CSRF middlewares refuse cross-site POSTs; the state already
// protects these (threat A17).
func (v *Visit) reportRefusedCallback() {
	in := v.Exchange.Request()
	if in.Method != http.MethodPost || in.Path != v.Site.RoutePrefix+CallbackPath {
		return
	}
	v.Site.Log.LogAttrs(v.Exchange.Context(), slog.LevelError, "Entra's answer was refused before it reached its route: register the routes in front of the CSRF middleware",
		slog.String("path", v.Site.RoutePrefix+CallbackPath))
}

// answer returns the response to an error of the library.
func (v *Visit) answer(e *autherr.Error) *Response {
	s, in, ctx := v.Site, v.Exchange.Request(), v.context()
	e = s.expressible(e)
	if autherr.NeedsSignIn(e) && !v.flow().callback && (in.isNavigation() || in.isByHTMX()) {
		if out := s.sendToSignIn(ctx, v, in, e); out != nil {
			return out
		}
		e = autherr.SignInLoop.New(e.Code, e)
	}
	e = s.reported(ctx, e)
	if s.ErrorHandler != nil && (!autherr.NeedsSignIn(e) || v.flow().callback) {
		return s.answerByApp(e)
	}
	return s.drawn(s.problem(v, in, e))
}

// answerClient answers an error to a client that sends access tokens. Config.ErrorHandler answers
// errors that another token would not resolve.
func (v *Visit) answerClient(e *autherr.Error) *Response {
	s := v.Site
	if i := autherr.IntentOf(e); i != nil && i.SignOut {
		e = autherr.InvalidRequest.New("no_session", errors.New("SignOut: the caller has an access token, which an app cannot revoke"))
	}
	e = s.reported(v.context(), e)
	p := s.Challenger.ProblemOf(e)
	if s.ErrorHandler != nil && p.Error == "" && e.Status != http.StatusUnauthorized {
		return s.answerByApp(e)
	}
	return v.tokenProblem(e, p)
}

// answerByApp returns the response that Config.ErrorHandler writes. Only the header that keeps it out
// of caches, and the headers that its status requires, are set.
func (s *Site) answerByApp(e *autherr.Error) *Response {
	out := &Response{Header: make(http.Header), ByApp: func(c any) error { return s.ErrorHandler(c, e) }}
	out.Header.Set("Cache-Control", noStore)
	out.describe(e)
	return out
}

// sendToSignIn sends a user to the sign-in that fixes an error, with a redirect or its equivalent for
// htmx, unless that would be repeated forever.
func (s *Site) sendToSignIn(ctx context.Context, v *Visit, in *Request, e *autherr.Error) *Response {
	tries, page := v.triesOf(in), s.pageAt(in.pathAndQuery())
	if tries.Exhausted(page) {
		return nil
	}
	s.Telemetry.SentToSignIn(ctx, e.Code)
	target := s.signInURLFor(v, in, e)
	cookie := s.triesCookie(tries.RequiredByPart(page, v.destination(in), time.Now()))
	if in.isByHTMX() {
		out := s.problem(v, in, s.reported(ctx, e))
		out.setCookie(cookie)
		out.Header.Set("HX-Redirect", target)
		return s.drawn(out)
	}
	out := newResponse()
	out.protect()
	out.setCookie(cookie)
	out.redirect(in, target)
	return out
}

// expressible returns the error without the scopes that every sign-in requests, or another error if a
// sign-in cannot satisfy the remaining requirements.
func (s *Site) expressible(e *autherr.Error) *autherr.Error {
	requirements := autherr.Requirements(e)
	if requirements == nil {
		return e
	}
	needed := *requirements
	needed.Scopes = authority.Missing(s.Authority.Scopes.Configured(), needed.Scopes)
	if err := needed.Check(); err != nil {
		return signin.Inexpressible(err)
	}
	return autherr.WithRequirements(e, needed)
}

// reported returns a copy of an error with a correlation ID, under which it is logged.
func (s *Site) reported(ctx context.Context, e *autherr.Error) *autherr.Error {
	numbered := *e
	numbered.CorrelationID = correlationID()
	s.report(ctx, &numbered)
	return &numbered
}

// report logs an error that was answered. Requests without a sign-in are logged at Debug, and sign-ins
// that users cancelled at Info.
func (s *Site) report(ctx context.Context, e *autherr.Error) {
	level := slog.LevelWarn
	switch {
	case errors.Is(e, autherr.LoginRequired) && e.Reason == "":
		level = slog.LevelDebug
	case errors.Is(e, autherr.InvalidToken), errors.Is(e, autherr.InvalidRequest), errors.Is(e, autherr.InsufficientScope):
		level = slog.LevelInfo // anyone could have written the request
	case e.Reason == autherr.ReasonCancelled, e.Reason == autherr.ReasonDeclined:
		level = slog.LevelInfo
	case e.Reason == autherr.ReasonRequestRefused: // anyone could have written the response
	case e.Status >= http.StatusInternalServerError && !errors.Is(e, autherr.Unavailable):
		level = slog.LevelError
	}
	s.Log.LogAttrs(ctx, level, "request refused", slog.Any("error", e))
}

// correlationID returns an ID that connects the page that a user sees with the line in the log.
func correlationID() string {
	raw := make([]byte, 8)
	if _, err := io.ReadFull(rand.Reader, raw); err != nil {
		return "unavailable"
	}
	return hex.EncodeToString(raw)
}
