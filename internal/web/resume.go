package web

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/flow"
	"github.com/fibermsal/fibermsal/internal/phrases"
	"github.com/fibermsal/fibermsal/internal/signin"
)

// An authorization response with a state of ours may be late, may be repeated by the back button or
// a reload, or may arrive without its cookie: office programs follow redirects before they open a
// browser, and of tabs that are opened at once the last one sets the cookie. Such a response signs
// nobody in (threats A2 to A4). The sign-in is resumed instead: by the page if the browser has a
// session, and by another sign-in otherwise.

// unfinishable returns the reason why an attempt cannot be finished, or "".
func unfinishable(a *flow.Attempt, now time.Time) string {
	switch {
	case a.IsForeign():
		return "no_flow"
	case a.Expired(now):
		return "flow_expired"
	}
	return ""
}

// handleUnfinishable resumes a sign-in, unless the response is an error: then the user sees that.
func (h *routeHandler) handleUnfinishable(a *flow.Attempt, response *flow.Response, reason string) error {
	var err error = autherr.Rejected.New(reason, nil)
	if a.IsForeign() {
		err = h.withCircumstances(err)
	}
	if response.Error == "" || a.Requirements().Silent {
		return h.resume(a, reason, err)
	}
	to := a.Destination()
	h.visit.to = &to
	if a.IsForeign() {
		return h.withCircumstances(signin.UnverifiedRefusal(response))
	}
	return signin.Refusal(response)
}

// resume sends the browser to the login route of its own site, which it reaches with the session's
// Lax cookie.
func (h *routeHandler) resume(a *flow.Attempt, reason string, err error) error {
	if !a.IsForeign() {
		h.forgetAttempt(a)
	}
	to := a.Destination()
	h.visit.to = &to
	h.visit.inFlow.attempt = nil // another sign-in does not have to satisfy its requirements
	h.reportRefused(err)
	h.Log.LogAttrs(h.ctx, slog.LevelInfo, "sign-in resumed", slog.String("reason", reason), slog.Any("error", err))
	restarts := a.Restarts()
	if !a.IsLate(time.Now()) { // nobody is late in a loop
		restarts++
	}
	h.out.redirect(h.in, h.resumeURL(to, restarts))
	return nil
}

// continueToPage continues a resumed sign-in at its page, if the browser has a session. Without one,
// it returns an error if the sign-in has been started too often: a browser that keeps no cookies would
// be sent to Entra forever.
func (h *routeHandler) continueToPage(to flow.Destination, restarts int) (done bool, err error) {
	switch s, err := h.visit.Session(); {
	case err != nil:
		return false, err
	case s != nil:
		h.countResumption(to)
		h.out.redirect(h.in, h.publicPath(to.Path()))
		return true, nil
	case restarts > flow.MaxRestarts:
		e := autherr.Rejected.New(autherr.ReasonNoCookies, nil)
		return false, autherr.WithDetail(e, phrases.CookiesDetail)
	}
	return false, nil
}

// countResumption counts a sign-in that the page may have required and that was not completed, because
// a page that requires it again and again would loop. The cookie is Lax, since the sign-in may have
// failed because the browser keeps no other.
func (h *routeHandler) countResumption(page flow.Destination) {
	cookie := h.triesCookie(h.visit.triesOf(h.in).Resumed(page, time.Now())) //nolint:gosec // as in cookie
	cookie.SameSite = http.SameSiteLaxMode
	h.out.setCookie(cookie)
}
