package web

import (
	"net/http"
	"time"

	"github.com/fibermsal/fibermsal/internal/signin"
)

// login handles GET /user/login: it starts a sign-in and sends the browser to Entra. Its
// requirements are sealed; everything else in the query, such as scopes, is ignored (threat
// A16).
func (h *routeHandler) login() error {
	if h.in.isPrefetch() {
		h.out.Status = http.StatusServiceUnavailable // the user has not asked for it (threat A15)
		return nil
	}
	if !h.in.mayNavigate() {
		h.out.Status = http.StatusForbidden
		return nil
	}
	to := h.DestinationOf(h.in.query(toParameter)).ForPage(h.in.query(pageParameter))
	h.visit.to = &to
	restarts, resumed := h.Jar.OpenResumption(h.in.query(resumeParameter), time.Now())
	if resumed {
		switch s, err := h.visit.Session(); {
		case err != nil:
			return err
		case s != nil:
			h.out.redirect(to.Path())
			return nil
		}
	}
	session, _ := h.presentSession()
	requirements, _ := h.Jar.OpenRequirements(h.in.query(requirementsParameter), session, time.Now())
	browser, err := h.beginningBrowser(session)
	if err != nil {
		return err
	}
	return h.sendToEntra(signin.Start{Browser: browser, To: to, Requirements: requirements, Restarts: restarts})
}

// sendToEntra begins a sign-in.
func (h *routeHandler) sendToEntra(start signin.Start) error {
	if err := h.hooks.BeforeSignIn(&start); err != nil {
		return err
	}
	attempt, target, err := h.Flow.Begin(h.ctx, start)
	if err != nil {
		return err
	}
	if c := attempt.Cookie(); c != nil {
		h.setPath(*c)
	}
	h.out.redirect(target)
	return nil
}
