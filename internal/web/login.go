package web

import (
	"net/http"
	"time"

	"github.com/fibermsal/fibermsal/internal/flow"
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
	replaces, _ := h.presentSession()
	to := flow.DestinationOf(h.in.query(toParameter)).ForPage(h.in.query(pageParameter))
	h.visit.to = &to
	requirements, _ := h.Jar.OpenRequirements(h.in.query(requirementsParameter), replaces, time.Now())
	return h.sendToEntra(to, replaces, requirements)
}

// sendToEntra begins a sign-in, whose cookie the browser must bring back.
func (h *routeHandler) sendToEntra(to flow.Destination, replaces string, r flow.Requirements) error {
	target, cookie, err := h.Flow.Begin(h.ctx, to, replaces, r)
	if err != nil {
		return err
	}
	for _, name := range h.Jar.Evict(h.flowCookies(), cookie, time.Now()) {
		h.out.setCookie(h.expired(name, h.flowSameSite()))
	}
	h.out.setCookie(h.cookie(cookie.Name, cookie.Value, h.flowSameSite(), flow.Lifetime))
	h.out.redirect(target)
	return nil
}
