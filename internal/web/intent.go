package web

import (
	"net/http"
	"time"

	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/flow"
)

// carryOut returns the response to a handler that signs its user in or out, or the response to the
// error if that fails.
func (v *Visit) carryOut(e *autherr.Error, i *autherr.Intent) *Response {
	var out *Response
	switch {
	case v.Exchange.Request().isPrefetch(): // the user has not opened the page yet (threat A15)
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

// startSignIn sends the user to a sign-in. A form that a browser or htmx has sent may also be
// redirected, because the handler has already received it.
func (v *Visit) startSignIn(e *autherr.Error, i *autherr.Intent) *Response {
	s, in, ctx := v.Site, v.Exchange.Request(), v.context()
	requirements := *autherr.Requirements(e)
	requirements.Scopes = s.Authority.Scopes.ForToken(requirements.Scopes)
	e = s.expressible(autherr.WithRequirements(e, requirements))
	if !autherr.NeedsSignIn(e) {
		return v.answer(e) // the options are invalid for a sign-in
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

// intended returns the destination of a sign-in that a handler starts. If OnSignIn starts it, the
// destination is that of the current sign-in.
func (v *Visit) intended(i *autherr.Intent) flow.Destination {
	if attempt := v.flow().attempt; attempt != nil && i.To == "" {
		return attempt.Destination()
	}
	return v.Site.DestinationOf(i.To)
}

// countStart counts a sign-in that the handler of a page or OnSignIn starts without an action of the
// user. Such handlers may redirect to each other, so the sign-ins are counted for the page to which
// they lead, until that page has been shown. The query of the page is left out, because handlers could
// nest their URLs in it.
func (v *Visit) countStart(in *Request, to flow.Destination) (*http.Cookie, bool) {
	tries, page, now := v.triesOf(in), to.WithoutQuery(), time.Now()
	tooOften := tries.StartedTooOften(page)
	tries = tries.RequiredByPart(page, to, now)
	if v.flow().callback {
		tries = tries.Completed(to, now) // assuming that the sign-in will be completed
	}
	return v.Site.triesCookie(tries), tooOften
}

// returnsTo reports whether a page may request the handler again on its own, because it is the
// handler's own page or htmx may have loaded a part of it.
func (v *Visit) returnsTo(page flow.Destination) bool {
	s, in := v.Site, v.Exchange.Request()
	return in.Method == http.MethodGet && !v.flow().callback &&
		(page.IsSamePage(s.pageAt(in.pathAndQuery())) || in.isByHTMX() && page.IsSamePage(s.currentPage(in)))
}
