package web

import (
	"context"
	"net/http"
	"time"

	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/flow"
	"github.com/fibermsal/fibermsal/internal/signin"
)

// triesOf returns the sign-ins that pages have recently required in this browser.
func (s *Site) triesOf(in *Request) flow.Tries {
	value, ok := in.cookie(s.Jar.TriesName())
	if !ok {
		return flow.Tries{}
	}
	return s.Jar.OpenTries(value, time.Now())
}

// triesCookie stores tries in the browser. It has the attributes of an attempt's cookie.
func (s *Site) triesCookie(tries flow.Tries) *http.Cookie {
	cookie, err := s.Jar.SealTries(tries)
	if err != nil || tries.IsEmpty() {
		return s.expired(s.Jar.TriesName(), s.flowSameSite())
	}
	return s.cookie(cookie.Name, cookie.Value, s.flowSameSite(), flow.TriesLifetime)
}

// sendToSignIn sends a page's user to the sign-in that fixes an error, unless that would be
// repeated forever.
func (s *Site) sendToSignIn(ctx context.Context, v *Visit, in *Request, e *autherr.Error) *Response {
	tries, page := s.triesOf(in), flow.DestinationOf(in.pathAndQuery())
	if tries.Exhausted(page) {
		return nil
	}
	out := newResponse()
	out.protect()
	out.setCookie(s.triesCookie(tries.Asked(page, time.Now())))
	s.Telemetry.SentToSignIn(ctx, e.Code)
	out.redirect(s.signInURLFor(v, in, e))
	return out
}

// signInWithClaims repeats a sign-in that failed because claims were missing, as when
// Conditional Access makes Entra refuse the code, and requires them.
func (h *handling) signInWithClaims(failed *flow.Attempt, e *autherr.Error) error {
	tries, page := h.triesOf(h.in), failed.Destination()
	if tries.Exhausted(page) {
		return autherr.SignInLoop.New(e.Code, e)
	}
	requirements, err := h.repeated(failed, e)
	if err != nil {
		return signin.Inexpressible(err)
	}
	h.out.setCookie(h.triesCookie(tries.Repeated(page, time.Now())))
	h.Telemetry.SentToSignIn(h.ctx, e.Code)
	return h.sendToEntra(page, failed.Replaces(), requirements)
}

// countTry counts a completed sign-in for the page that required it. The cookie arrives with
// Entra's cross-site POST, as the attempt's does.
func (h *handling) countTry(page flow.Destination) {
	if tries := h.triesOf(h.in); tries.Has(page) {
		h.out.setCookie(h.triesCookie(tries.Completed(page, time.Now())))
	}
}

// forgetTries forgets the sign-ins that led to a page which its user has now seen. A redirect
// shows nothing, and may be half of a circle.
func (v *Visit) forgetTries(status int) {
	if v.session == nil || v.ownRoute || !v.Exchange.HasCookie(v.Site.Jar.TriesName()) ||
		(status >= http.StatusMultipleChoices && status != http.StatusNotModified) {
		return
	}
	in := v.Exchange.Request()
	tries, page := v.Site.triesOf(in), flow.DestinationOf(in.pathAndQuery())
	if in.Method == http.MethodGet && tries.Has(page) {
		v.Exchange.SetCookie(v.Site.triesCookie(tries.Without(page)))
	}
}
