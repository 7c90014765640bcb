package fibermsal

import (
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/fibermsal/fibermsal/internal/flow"
	"github.com/fibermsal/fibermsal/internal/returnto"
)

// The parameters of the login URL: the path to come back to, the name of the page where
// that is too long for a path, and what the sign-in is to bring, sealed.
const (
	toParameter   = "to"
	pageParameter = "page"
	askParameter  = "ask"
)

// asking returns a copy of a general error that a sign-in mends if it brings what is
// asked for.
func (e *Error) asking(reason string, cause error, ask flow.Ask) *Error {
	particular := e.because(reason, cause)
	particular.ask = &ask
	return particular
}

// ClaimsChallenge is the error for a handler whose API answered 401 with a claims
// challenge, decoded: the middleware starts a sign-in that brings the claims. Calls
// through the graph package need no help with it. Claims that are no JSON object, or
// with the scopes exceed 700 bytes, cannot be asked for: the answer is then
// [ErrMisconfigured], and not a sign-in that would bring less.
func ClaimsChallenge(claims string) *Error { return claimsChallenge(claims, nil) }

func claimsChallenge(claims string, scopes []string) *Error {
	return ErrClaimsChallenge.asking("claims", nil, flow.Ask{Claims: strings.Clone(claims), Scopes: slices.Clone(scopes)})
}

// interactive reports whether a sign-in mends it. Where it does not, sending people
// there would go on for ever.
func (e *Error) interactive() bool {
	return e.ask != nil || errors.Is(e, ErrLoginRequired)
}

// unaskable is for what no sign-in can ask for. A page that wants it is not to be had by
// one that brings less (threat B14).
func unaskable(err error) *Error { return ErrMisconfigured.because("ask", err) }

// askable returns the error without what every sign-in asks for, or why the rest cannot
// be asked for.
func (a *Auth) askable(e *Error) *Error {
	if e.ask == nil {
		return e
	}
	ask := *e.ask
	ask.Scopes = missingFrom(a.cfg.Scopes, ask.Scopes)
	if err := ask.Check(); err != nil {
		return unaskable(err)
	}
	particular := *e
	particular.ask = &ask
	return &particular
}

// mend is the URL of the sign-in that mends an error, from which the browser comes
// back to where it was, if that was a page.
func (a *Auth) mend(c *fiber.Ctx, e *Error) string {
	r := requestOf(c)
	if r.attempt != nil {
		ask, _ := a.again(r.attempt, e) // the page says why there is nothing more to ask for
		return a.signInURL(r.attempt.Destination(), ask, r.attempt.Replaces())
	}
	session, _ := a.presentSession(c)
	to := flow.DestinationOf(returnto.Home)
	switch {
	case r.to != nil:
		to = *r.to
	case !r.ownRoute && isNavigation(c): // the library's routes are no pages, and have codes in their queries (threat A14)
		to = destinationOf(c)
	}
	ask := a.askFor(r.session, e)
	if a.triesOf(c).Has(to) {
		ask = ask.Interactive() // silence has been tried for this page
	}
	return a.signInURL(to, ask, session)
}

// again is what the sign-in after one that failed asks for: the same, and the scopes and
// claims that were missing.
func (a *Auth) again(failed *flow.Attempt, e *Error) (flow.Ask, error) {
	same := failed.Ask().Interactive()
	if e.ask == nil {
		return same, nil
	}
	more, err := same.WithClaims(e.ask.Claims)
	more.Scopes = slices.Concat(same.Scopes, missingFrom(slices.Concat(a.cfg.Scopes, same.Scopes), e.ask.Scopes))
	if err != nil {
		return same, err
	}
	more = more.Fit()
	if err := more.Check(); err != nil {
		return same, err
	}
	return more, nil
}

// askFor completes what an error asks for with whose sign-in it is. A session whose
// tokens are gone is mended without troubling its user, if Entra still knows them.
func (a *Auth) askFor(s *session, e *Error) flow.Ask {
	var ask flow.Ask
	if e.ask != nil {
		ask = *e.ask
	}
	ask.SelectAccount = s != nil && !e.interactive() // the same account would be refused again
	if s != nil && e.interactive() {
		ask.LoginHint = orDefault(s.LoginHint, s.User.Username)
		if ask.Silent = e.ask == nil; ask.Silent {
			ask.User = s.User.ID
		}
	}
	return ask
}

// destinationOf is the page that a request is for.
func destinationOf(c *fiber.Ctx) flow.Destination { return flow.DestinationOf(requestedPath(c)) }

// signInURL is where a browser signs in to come back to a page. What is asked for
// opens only beside the session it was sealed for.
func (a *Auth) signInURL(to flow.Destination, ask flow.Ask, session string) string {
	query := url.Values{}
	if path := to.Path(); path != returnto.Home {
		query.Set(toParameter, path)
	}
	if page := to.Page(); page != "" {
		query.Set(pageParameter, page)
	}
	if sealed := a.sealAsk(ask, session); sealed != "" {
		query.Set(askParameter, sealed)
	}
	target := a.cfg.RoutePrefix + loginPath
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	return target
}

// sealAsk returns nothing for nothing. What does not fit has been refused before.
func (a *Auth) sealAsk(ask flow.Ask, session string) string {
	if ask.IsZero() {
		return ""
	}
	text, _ := a.flows.SealAsk(ask.Fit(), session, time.Now())
	return text
}

// errSignInLoop says that a page has asked for a sign-in again and again.
var errSignInLoop = &Error{Code: "sign_in_loop", Status: fiber.StatusForbidden, Message: "Signing in again did not help. Please tell the administrator."}

// triesOf are the sign-ins that pages of this browser have asked for just now.
func (a *Auth) triesOf(c *fiber.Ctx) flow.Tries {
	value, ok := cookieValue(c, a.flows.TriesName())
	if !ok {
		return flow.Tries{}
	}
	return a.flows.OpenTries(value, time.Now())
}

// sendToSignIn sends a page's user to the sign-in that mends an error, unless that
// would go round in circles.
func (a *Auth) sendToSignIn(c *fiber.Ctx, e *Error) (sent bool) {
	tries, to := a.triesOf(c), destinationOf(c)
	if tries.Exhausted(to) {
		return false
	}
	protect(c)
	a.keepTries(c, tries.Asked(to, time.Now()))
	a.telemetry.interactions.Add(c.UserContext(), 1, metric.WithAttributes(attribute.String("code", e.Code)))
	return redirect(c, a.mend(c, e)) == nil
}

// withClaims begins a sign-in again that has come to nothing for want of claims, as when
// Entra refuses the code by Conditional Access, and asks for them.
func (a *Auth) withClaims(c *fiber.Ctx, failed *flow.Attempt, e *Error) error {
	tries, to := a.triesOf(c), failed.Destination()
	if tries.Exhausted(to) {
		return errSignInLoop.because(e.Code, e)
	}
	ask, err := a.again(failed, e)
	if err != nil {
		return unaskable(err)
	}
	a.keepTries(c, tries.Repeated(to, time.Now()))
	a.telemetry.interactions.Add(c.UserContext(), 1, metric.WithAttributes(attribute.String("code", e.Code)))
	return a.sendToEntra(c, to, failed.Replaces(), ask)
}

// completedFor counts a sign-in for the page that has asked for it. The cookie comes along
// with Entra's cross-site POST, as the attempt's does.
func (a *Auth) completedFor(c *fiber.Ctx, to flow.Destination) {
	if tries := a.triesOf(c); tries.Has(to) {
		a.keepTries(c, tries.Completed(to, time.Now()))
	}
}

// succeeded forgets the sign-ins that led to a page which its user has now seen. A
// redirect is nothing to see, and may be half of a circle.
func (a *Auth) succeeded(c *fiber.Ctx, r *request) {
	if r.session == nil || r.ownRoute || c.Method() != fiber.MethodGet || !a.tried(c) ||
		(c.Response().StatusCode() >= fiber.StatusMultipleChoices && c.Response().StatusCode() != fiber.StatusNotModified) {
		return
	}
	tries, to := a.triesOf(c), destinationOf(c)
	if tries.Has(to) {
		a.keepTries(c, tries.Without(to))
	}
}

// forgetTries is for who signs out: the next sign-in is their own wish.
func (a *Auth) forgetTries(c *fiber.Ctx) {
	if a.tried(c) {
		a.keepTries(c, flow.Tries{})
	}
}

// tried spares requests the opening of a cookie that is not there.
func (a *Auth) tried(c *fiber.Ctx) bool {
	return len(c.Request().Header.Cookie(a.flows.TriesName())) > 0
}

func (a *Auth) keepTries(c *fiber.Ctx, tries flow.Tries) {
	cookie, err := a.flows.SealTries(tries)
	if err != nil || tries.IsEmpty() {
		a.expireCookie(c, a.flows.TriesName(), a.flowSameSite())
		return
	}
	a.setCookie(c, cookie.Name, cookie.Value, a.flowSameSite(), flow.TriesLifetime)
}

// asked is what the login route was called with. What did not open asks for nothing.
func (a *Auth) asked(c *fiber.Ctx, session string) flow.Ask {
	ask, _ := a.flows.OpenAsk(strings.Clone(c.Query(askParameter)), session, time.Now())
	return ask
}
