package web

import (
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/flow"
	"github.com/fibermsal/fibermsal/internal/returnto"
)

// login handles GET /user/login, which starts a sign-in and redirects the browser to Entra. The
// requirements are sealed; other parameters, such as scopes, are ignored (threat A16).
func (h *routeHandler) login() error {
	if h.in.isPrefetch() {
		h.out.Status = http.StatusServiceUnavailable // the user has not opened the page yet (threat A15)
		return nil
	}
	if h.in.isByHTMX() {
		h.out.redirect(h.in, h.thisLogin()) // the window then opens it
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
		if done, err := h.continueToPage(to, restarts); done || err != nil {
			return err
		}
	case !resumed && h.isOpenedElsewhere(h.in): // once, because a proxy may change the host
		ask := ""
		if required {
			ask = h.in.query(requirementsParameter)
		}
		h.out.redirect(h.in, h.publicLoginURL(to, ask))
		return nil
	}
	if h.askForFragment() {
		return nil
	}
	h.visit.inFlow.requirements = requirements
	return h.sendToEntra(&flow.Start{
		Browser: h.flowBrowser().WithSession(session), To: to, Requirements: requirements, Restarts: restarts,
	})
}

// thisLogin returns the URL of the request.
func (h *routeHandler) thisLogin() string {
	if path := returnto.Clean(h.in.pathAndQuery()); path != returnto.Home {
		return h.publicPath(path)
	}
	return h.routeURL(LoginPath)
}

// publicLoginURL returns the URL of the login route under PublicURL, for a sign-in that begins under
// another host. It contains no restart. A browser that has a session under this host is not redirected,
// because the session cookie shows that Entra's responses arrive at this host.
func (s *Site) publicLoginURL(to flow.Destination, ask string) string {
	more := url.Values{resumeParameter: {s.Jar.SealResumption(0, time.Now())}}
	if ask != "" {
		more.Set(requirementsParameter, ask)
	}
	return s.Origin + s.loginURL(to, more)
}

// refusedStart returns the error of a BeforeSignIn. It does not start a sign-in, which would call the hook again.
func refusedStart(err error) error {
	if e, ok := autherr.Find(err); ok && autherr.NeedsSignIn(e) {
		return autherr.Misconfigured.New("before_sign_in", fmt.Errorf("Config.BeforeSignIn answered a sign-in by another one: %w", e))
	}
	return err
}

// sendToEntra begins a sign-in.
func (h *routeHandler) sendToEntra(start *flow.Start) error {
	if err := h.hooks.BeforeSignIn(start); err != nil {
		return refusedStart(err)
	}
	start.HasCookie = h.visit.Exchange.HasCookie
	started, err := h.Flow.Begin(h.ctx, start)
	if err != nil {
		return err
	}
	h.setBrowser(started.Browser)
	if c := started.Attempt.Cookie(); c != nil {
		h.setPath(c)
	}
	h.out.redirect(h.in, started.URL)
	return nil
}
