package web

import (
	"net/http"

	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/flow"
)

// carryOut returns the response to a handler that signs its user in or out on purpose, or that to
// the error because of which it failed.
func (v *Visit) carryOut(e *autherr.Error, i *autherr.Intent) *Response {
	var out *Response
	if i.SignOut {
		out = v.signOut(i)
	} else {
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

// startSignIn sends the user to a sign-in. A handler starts it on purpose, so that it is no loop,
// unless it leads back to the handler; and a form that a browser or htmx sends may be redirected,
// because the handler has received it.
func (v *Visit) startSignIn(e *autherr.Error, i *autherr.Intent) *Response {
	s, in, ctx := v.Site, v.Exchange.Request(), v.context()
	requirements := *autherr.Requirements(e)
	requirements.Scopes = s.Authority.Scopes.ForToken(requirements.Scopes)
	e = s.expressible(autherr.WithRequirements(e, requirements))
	if !autherr.NeedsSignIn(e) {
		return v.answer(e) // no sign-in can have the options
	}
	to := s.DestinationOf(i.To)
	v.to = &to
	if v.returnsTo(to) || !in.isFromWindow() && !in.isByHTMX() {
		return v.answer(e)
	}
	out := newResponse()
	out.protect()
	s.Telemetry.SentToSignIn(ctx, e.Code)
	out.redirect(s.signInURLFor(v, in, e))
	return out
}

// returnsTo reports whether a page requests the handler again by itself: it is the handler's own, or
// htmx may have loaded a part of it.
func (v *Visit) returnsTo(page flow.Destination) bool {
	s, in := v.Site, v.Exchange.Request()
	return in.Method == http.MethodGet &&
		(page.IsSamePage(s.pageAt(in.pathAndQuery())) || in.isByHTMX() && page.IsSamePage(s.currentPage(in)))
}
