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

// An authorization response with a state that this app has sealed may be late, may be repeated by the
// back button or a reload, or may arrive without its cookie, because office programs follow redirects
// before they open a browser, and because the last of several tabs that are opened together sets the
// cookie. Such a response does not sign anyone in (threats A2 to A4). Instead the sign-in is resumed:
// with a redirect to the page if the browser has a session, and with another sign-in otherwise.

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

// handleUnfinishable resumes a sign-in. If the response is an error, the user sees the error instead.
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

// resume redirects the browser to the login route of the app, where it also sends the session's Lax
// cookie.
func (h *routeHandler) resume(a *flow.Attempt, reason string, err error) error {
	if !a.IsForeign() {
		h.forgetAttempt(a)
	}
	to := a.Destination()
	h.visit.to = &to
	h.visit.inFlow.attempt = nil // another sign-in need not satisfy its requirements
	h.reportRefused(err)
	h.Log.LogAttrs(h.ctx, slog.LevelInfo, "sign-in resumed", slog.String("reason", reason), slog.Any("error", err))
	restarts := a.Restarts()
	if !a.IsLate(time.Now()) { // a late response is not part of a loop
		restarts++
	}
	h.out.redirect(h.in, h.resumeURL(to, restarts))
	return nil
}

// continueToPage continues a resumed sign-in at its page, if the browser has a session. If it has none
// and the sign-in has been started too often, it returns an error, because a browser that does not keep
// cookies would be sent to Entra forever.
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

// countResumption counts a sign-in that was not completed and that the page may have required, because
// a page that requires it again and again would loop. The cookie is Lax, because the sign-in may have
// failed because the browser keeps no other cookies.
func (h *routeHandler) countResumption(page flow.Destination) {
	cookie := h.triesCookie(h.visit.triesOf(h.in).Resumed(page, time.Now())) //nolint:gosec // as in cookie
	cookie.SameSite = http.SameSiteLaxMode
	h.out.setCookie(cookie)
}
