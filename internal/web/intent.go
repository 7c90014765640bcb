package web

import (
	"net/http"
	"time"

	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/flow"
)

// carryOut returns the response to a handler that signs its user in or out on purpose, or that to
// the error because of which it failed.
func (v *Visit) carryOut(e *autherr.Error, i *autherr.Intent) *Response {
	var out *Response
	switch {
	case v.Exchange.Request().isPrefetch(): // the user has not asked for it (threat A15)
		out = newResponse()
		out.protect()
		out.Status = http.StatusServiceUnavailable
		return out
	case i.SignOut:
		out = v.signOut(i)
	default:
		out = v.startSignIn(e, i)
	}
	if v.Exchange.Request().isByHTMX() {
		out.redirectHTMX()
	}
	return out
}

// signOut signs the user of the request out. The cookie is removed in any case (threat D10).
func (v *Visit) signOut(i *autherr.Intent) *Response {
	out, err := v.Site.answerSignOut(v, v.Exchange.Request(), i)
	if e, failed := autherr.Find(err); failed {
		failure := v.answer(e)
		failure.Cookies = append(out.Cookies, failure.Cookies...)
		return failure
	}
	return out
}

// startSignIn sends the user to a sign-in. A form that a browser or htmx sends may be redirected, too,
// because the handler has received it.
func (v *Visit) startSignIn(e *autherr.Error, i *autherr.Intent) *Response {
	s, in, ctx := v.Site, v.Exchange.Request(), v.context()
	requirements := *autherr.Requirements(e)
	requirements.Scopes = s.Authority.Scopes.ForToken(requirements.Scopes)
	e = s.expressible(autherr.WithRequirements(e, requirements))
	if !autherr.NeedsSignIn(e) {
		return v.answer(e) // no sign-in can have the options
	}
	to := v.intended(i)
	v.to = &to
	if v.returnsTo(to) || !in.isFromWindow() && !in.isByHTMX() {
		return v.answer(e)
	}
	out := newResponse()
	out.protect()
	automatic := in.Method == http.MethodGet && !in.isByHTMX() || v.flow().callback
	if automatic && !requirements.ShowPage() {
		cookie, tooOften := v.countStart(in, to)
		if tooOften {
			return v.answer(autherr.SignInLoop.New(e.Code, e))
		}
		out.setCookie(cookie)
	}
	s.Telemetry.SentToSignIn(ctx, e.Code)
	out.redirect(in, s.signInURLFor(v, in, e))
	return out
}

// intended returns where a sign-in leads that a handler starts. OnSignIn starts one in place of another.
func (v *Visit) intended(i *autherr.Intent) flow.Destination {
	if attempt := v.flow().attempt; attempt != nil && i.To == "" {
		return attempt.Destination()
	}
	return v.Site.DestinationOf(i.To)
}

// countStart counts a sign-in that no user has to start or to see: by the handler of a page, or by
// OnSignIn. They may lead to each other, so it is the page to which the sign-in leads that must be shown
// in between. Its query may be nested, one handler in another, and is left out.
func (v *Visit) countStart(in *Request, to flow.Destination) (*http.Cookie, bool) {
	tries, page, now := v.triesOf(in), to.WithoutQuery(), time.Now()
	tooOften := tries.StartedTooOften(page)
	tries = tries.RequiredByPart(page, to, now)
	if v.flow().callback {
		tries = tries.Completed(to, now) // as far as it will be
	}
	return v.Site.triesCookie(tries), tooOften
}

// returnsTo reports whether a page requests the handler again by itself: it is the handler's own, or
// htmx may have loaded a part of it.
func (v *Visit) returnsTo(page flow.Destination) bool {
	s, in := v.Site, v.Exchange.Request()
	return in.Method == http.MethodGet && !v.flow().callback &&
		(page.IsSamePage(s.pageAt(in.pathAndQuery())) || in.isByHTMX() && page.IsSamePage(s.currentPage(in)))
}
