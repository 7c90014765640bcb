package web

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/authority"
	"github.com/fibermsal/fibermsal/internal/signin"
)

// Finish returns the response to write after the handlers have returned an error, in place of
// what they wrote, or the error if it is not the library's. If the storage failed, the handlers
// saw no user, so what they wrote, or the error that they made of that, may be wrong. status is
// that of their response, or the one that their error will make.
func (v *Visit) Finish(err error, status int) (*Response, error) {
	if v.loaded {
		v.Exchange.KeepPrivate() // handlers may have replaced the header (threat C6)
	}
	if v.err != nil && !v.Site.AnonymousOnOutage && !errors.Is(err, autherr.Unavailable) {
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
	if i := autherr.IntentOf(e); i != nil {
		return v.carryOut(e, i), nil
	}
	return v.answer(e), nil
}

// reportRefusedCallback logs why an answer of Entra's did not arrive, if a middleware between this
// one and the routes refused it: a CSRF middleware refuses cross-site POSTs. The state protects
// them (threat A17).
func (v *Visit) reportRefusedCallback() {
	in := v.Exchange.Request()
	if in.Method != http.MethodPost || !strings.EqualFold(in.Path, v.Site.RoutePrefix+CallbackPath) {
		return
	}
	v.Site.Log.LogAttrs(v.Exchange.Context(), slog.LevelError, "Entra's answer was refused before it reached its route: register the routes in front of the CSRF middleware",
		slog.String("path", v.Site.RoutePrefix+CallbackPath))
}

// answer returns the response to an error of the library.
func (v *Visit) answer(e *autherr.Error) *Response {
	s, in, ctx := v.Site, v.Exchange.Request(), v.context()
	e = s.expressible(e)
	if autherr.NeedsSignIn(e) && !v.callback && in.isNavigation() {
		if out := s.sendToSignIn(ctx, v, in, e); out != nil {
			return out
		}
		e = autherr.SignInLoop.New(e.Code, e)
	}
	numbered := *e
	numbered.CorrelationID = correlationID()
	s.report(ctx, &numbered)
	if s.ErrorHandler != nil && (!autherr.NeedsSignIn(e) || v.callback) {
		return s.answerByApp(&numbered)
	}
	return s.drawn(s.problem(v, in, &numbered))
}

// answerByApp returns the response that Config.ErrorHandler writes. Only the header that keeps it
// out of caches, and the one about retrying, are set.
func (s *Site) answerByApp(e *autherr.Error) *Response {
	out := &Response{Header: make(http.Header), ByApp: func(c any) error { return s.ErrorHandler(c, e) }}
	out.Header.Set("Cache-Control", noStore)
	out.setRetryAfter(e)
	return out
}

// sendToSignIn sends a page's user to the sign-in that fixes an error, unless that would be
// repeated forever.
func (s *Site) sendToSignIn(ctx context.Context, v *Visit, in *Request, e *autherr.Error) *Response {
	tries, page := v.triesOf(in), s.pageAt(in.pathAndQuery())
	if tries.Exhausted(page) {
		return nil
	}
	out := newResponse()
	out.protect()
	out.setCookie(s.triesCookie(tries.Required(page, time.Now())))
	s.Telemetry.SentToSignIn(ctx, e.Code)
	out.redirect(s.signInURLFor(v, in, e))
	return out
}

// expressible returns the error without the scopes that every sign-in requests, or the error
// that no sign-in can satisfy the rest.
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

// problem is RFC 9457's body with our additions.
type problem struct {
	Type          string `json:"type"`
	Title         string `json:"title"`
	Status        int    `json:"status"`
	Code          string `json:"code"`
	CorrelationID string `json:"correlation_id"`
	LoginURL      string `json:"login_url,omitempty"`
}

// problem answers an error with a page for people and JSON for programs.
func (s *Site) problem(v *Visit, in *Request, e *autherr.Error) *Response {
	out := newResponse()
	out.protect()
	out.Status = e.Status
	out.setRetryAfter(e)
	login := s.signInURLFor(v, in, e)
	if in.acceptsHTML() {
		out.page = pageOf(e, login, s.homeURL(), v.session != nil)
		return out
	}
	p := problem{Type: "about:blank", Title: e.Message, Status: e.Status, Code: e.Code, CorrelationID: e.CorrelationID}
	if autherr.NeedsSignIn(e) {
		p.LoginURL = login
	}
	body, err := json.Marshal(p)
	if err != nil {
		panic(err) // strings and a number
	}
	out.Header.Set("Content-Type", "application/problem+json")
	out.Body = body
	return out
}

// setRetryAfter sets the header about retrying, in whole seconds.
func (r *Response) setRetryAfter(e *autherr.Error) {
	if e.RetryAfter > 0 {
		r.Header.Set("Retry-After", strconv.Itoa(int((e.RetryAfter+time.Second-1)/time.Second)))
	}
}

// pageOf is the page that explains an error.
func pageOf(e *autherr.Error, signInURL, homeURL string, signedIn bool) *Page {
	p := &Page{
		Code: e.Code, Status: e.Status, Message: e.Message, Detail: details[e.Code],
		CorrelationID: e.CorrelationID, SignInURL: signInURL, SignInText: "Sign in", HomeURL: homeURL,
	}
	switch {
	case errors.Is(e, autherr.SignInLoop): // signing in again has not helped
		p.SignInURL, p.SignInText = "", ""
	case signedIn && !autherr.NeedsSignIn(e):
		p.SignInText = "Use another account"
	}
	if e.Reason == autherr.ReasonCancelled {
		p.Detail = "Nothing has changed."
	}
	return p
}

// report logs what was answered. Requests without a sign-in are logged at Debug, cancelled
// sign-ins at Info.
func (s *Site) report(ctx context.Context, e *autherr.Error) {
	level := slog.LevelWarn
	switch {
	case errors.Is(e, autherr.LoginRequired) && e.Reason == "":
		level = slog.LevelDebug
	case e.Reason == autherr.ReasonCancelled:
		level = slog.LevelInfo
	case e.Status >= http.StatusInternalServerError && !errors.Is(e, autherr.Unavailable):
		level = slog.LevelError
	}
	s.Log.LogAttrs(ctx, level, "request refused", slog.Any("error", e))
}

// correlationID connects what a user reads with the line in the log.
func correlationID() string {
	raw := make([]byte, 8)
	if _, err := io.ReadFull(rand.Reader, raw); err != nil {
		return "unavailable"
	}
	return hex.EncodeToString(raw)
}
