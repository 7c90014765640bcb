package web

import (
	"net/http"
	"net/url"
	"time"

	"github.com/fibermsal/fibermsal/internal/flow"
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
	session, _ := h.presentSession()
	requirements, required := h.Jar.OpenRequirements(h.in.query(requirementsParameter), session, time.Now())
	switch {
	case resumed && !required:
		switch s, err := h.visit.Session(); {
		case err != nil:
			return err
		case s != nil:
			h.out.redirect(h.publicPath(to.Path()))
			return nil
		}
	case !resumed && h.in.isOpened() && h.HasOtherHost(h.in): // once, because a proxy may change the host
		h.out.redirect(h.publicLoginURL(to, required))
		return nil
	}
	if h.asksForFragment() {
		h.askForFragment()
		return nil
	}
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

// publicLoginURL returns the URL of the login route under PublicURL, which continues there what the
// request begins under another host.
func (h *routeHandler) publicLoginURL(to flow.Destination, required bool) string {
	target := h.Origin + h.resumeURL(to, 0)
	if required {
		target += "&" + url.Values{requirementsParameter: {h.in.query(requirementsParameter)}}.Encode()
	}
	return target
}
