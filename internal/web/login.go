package web

import (
	"net/http"
	"time"

	"github.com/fibermsal/fibermsal/internal/flow"
	"github.com/fibermsal/fibermsal/internal/record"
)

// maxFlowCookies bounds how many sign-in cookies of a request are read.
const maxFlowCookies = 32

// login handles GET /user/login: it starts a sign-in and sends the browser to Entra. Its
// requirements are sealed; everything else in the query, such as scopes, is ignored (threat
// A16).
func (h *handling) login() error {
	if h.in.isPrefetch() {
		h.out.Status = http.StatusServiceUnavailable // the user has not asked for it (threat A15)
		return nil
	}
	if !h.in.mayNavigate() {
		h.out.Status = http.StatusForbidden
		return nil
	}
	replaces, _ := h.presentSession()
	to := flow.DestinationOf(h.in.query(toParameter)).For(h.in.query(pageParameter))
	h.visit.to = &to
	requirements, _ := h.Jar.OpenRequirements(h.in.query(requirementsParameter), replaces, time.Now())
	return h.sendToEntra(to, replaces, requirements)
}

// sendToEntra begins a sign-in, whose cookie the browser must bring back.
func (h *handling) sendToEntra(to flow.Destination, replaces string, r flow.Requirements) error {
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

// flowCookies returns the sign-in cookies of the request.
func (h *handling) flowCookies() (cookies []flow.Cookie) {
	for name, value := range h.in.Cookies {
		if len(cookies) < maxFlowCookies && h.Jar.Owns(name) {
			cookies = append(cookies, flow.Cookie{Name: name, Value: value})
		}
	}
	return cookies
}

// presentSession returns the ID of the session whose cookie a request has.
func (s *Site) presentSession(r *Request) (id string, ok bool) {
	token, ok := r.cookie(s.CookieName)
	if !ok {
		return "", false
	}
	return record.Name(token)
}
