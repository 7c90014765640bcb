package web

import (
	"net/http"
	"time"

	"github.com/fibermsal/fibermsal/internal/flow"
	"github.com/fibermsal/fibermsal/internal/returnto"
)

// login handles GET /user/login: it starts a sign-in and sends the browser to Entra. Its
// requirements are sealed; everything else in the query, such as scopes, is ignored (threat
// A16).
func (h *routeHandler) login() error {
	if h.in.isPrefetch() {
		h.out.Status = http.StatusServiceUnavailable // the user has not asked for it (threat A15)
		return nil
	}
	if h.in.isByHTMX() {
		h.out.redirect(h.thisLogin()) // which the window then opens
		return nil
	}
	if !h.in.mayNavigate() {
		h.out.Status = http.StatusForbidden
		return nil
	}
	to := h.destinationOf(h.in.query(toParameter)).ForPage(h.in.query(pageParameter))
	h.visit.to = &to
	restarts, resumed := h.Jar.OpenResumption(h.in.query(resumeParameter), time.Now())
	if resumed {
		if done, err := h.continueToPage(to, restarts); done || err != nil {
			return err
		}
	}
	session, _ := h.presentSession()
	requirements, _ := h.Jar.OpenRequirements(h.in.query(requirementsParameter), session, time.Now())
	h.visit.own.requirements = requirements
	return h.sendToEntra(&flow.Start{
		Browser: h.flowBrowser().WithSession(session), To: to, Requirements: requirements, Restarts: restarts,
	})
}

// thisLogin returns the URL of the request.
func (h *routeHandler) thisLogin() string {
	if path := returnto.Clean(h.in.pathAndQuery()); path != returnto.Home {
		return path
	}
	return h.RoutePrefix + LoginPath
}

// sendToEntra begins a sign-in.
func (h *routeHandler) sendToEntra(start *flow.Start) error {
	start.HasCookie = h.visit.Exchange.HasCookie
	started, err := h.Flow.Begin(h.ctx, start)
	if err != nil {
		return err
	}
	h.setBrowser(started.Browser)
	if c := started.Attempt.Cookie(); c != nil {
		h.setPath(c)
	}
	h.out.redirect(started.URL)
	return nil
}
