package web

import (
	"net/http"

	"github.com/fibermsal/fibermsal/internal/autherr"
)

// carryOut returns the response to a handler that signs its user in or out on purpose, or that to
// the error because of which it failed.
func (v *Visit) carryOut(e *autherr.Error, i *autherr.Intent) *Response {
	if i.SignOut {
		return v.signOut(i)
	}
	return v.startSignIn(e, i)
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
// unless it leads back to the handler; and a form that a browser sends may be redirected, because the
// handler has received it.
func (v *Visit) startSignIn(e *autherr.Error, i *autherr.Intent) *Response {
	s, in, ctx := v.Site, v.Exchange.Request(), v.context()
	requirements := *autherr.Requirements(e)
	requirements.Scopes = s.Authority.Scopes.ForToken(requirements.Scopes)
	e = s.expressible(autherr.WithRequirements(e, requirements))
	to := s.DestinationOf(i.To)
	v.to = &to
	returns := in.Method == http.MethodGet && to.IsSamePage(s.pageAt(in.pathAndQuery()))
	if !autherr.NeedsSignIn(e) || !in.isFromWindow() || returns {
		return v.answer(e)
	}
	out := newResponse()
	out.protect()
	s.Telemetry.SentToSignIn(ctx, e.Code)
	out.redirect(s.signInURLFor(v, in, e))
	return out
}
