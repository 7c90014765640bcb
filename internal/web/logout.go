package web

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/authority"
	"github.com/fibermsal/fibermsal/internal/flow"
	"github.com/fibermsal/fibermsal/internal/session"
	"github.com/fibermsal/fibermsal/internal/telemetry"
)

const (
	// confirmedParameter is set in the URL of the form by which a user confirms the sign-out.
	confirmedParameter = "confirmed"
	// movedParameter is set in the URL to which a visitor of another host is led.
	movedParameter = "moved"
)

// logout handles POST /user/logout, and a GET that comes from the app's own pages or the
// address bar. Any other request may have been caused by a foreign page, so the user is asked
// to confirm it (threat C4).
func (h *routeHandler) logout() error {
	if h.isOpenedElsewhere(h.in) && h.in.query(movedParameter) == "" { // once, because a proxy may change the host
		h.out.redirect(h.Origin + h.routeURL(LogoutPath) + "?" + movedParameter + "=1")
		return nil
	}
	if !h.meansSignOut() {
		h.askForConfirmation()
		return nil
	}
	return h.signOut(false, h.PostLogoutURL)
}

// signOut ends the session of the browser, and sends it to Entra's page for signing out, unless only
// the app's session is to end, and then to a target.
func (h *routeHandler) signOut(appOnly bool, target string) error {
	h.visit.inFlow.appOnly = appOnly
	ended, err := h.endOwnSession()
	if err != nil {
		return signedOutHere(err, appOnly)
	}
	if !appOnly {
		target = h.endSessionURL(h.ctx, ended, target)
	}
	h.out.redirect(target)
	return nil
}

// endOwnSession ends the session of the browser and returns it, or nil if there was none.
func (h *routeHandler) endOwnSession() (*session.Session, error) {
	id, ok := h.presentSession()
	if !ok {
		return nil, nil
	}
	// The cookie is removed first, even if the storage fails (threat D10).
	h.out.setCookie(h.expired(h.CookieName, http.SameSiteLaxMode))
	if h.visit.isDeliberate(h.in) && h.visit.Exchange.HasCookie(h.Jar.TriesName()) {
		h.out.setCookie(h.triesCookie(flow.Tries{})) // the user starts the next sign-in deliberately
	}
	if name := h.Jar.BrowserName(); h.visit.Exchange.HasCookie(name) {
		h.out.setCookie(h.expired(name, h.flowSameSite()))
	}
	h.visit.inFlow.cookieRemoved = true
	h.visit.forgetCaller()
	s, err := h.visit.Session()
	if err := errors.Join(err, h.Sessions.End(h.ctx, id)); err != nil {
		return nil, err
	}
	if s != nil {
		h.Sessions.Delist(h.ctx, s)
		h.signedOut(h.ctx, s, "user")
	}
	return s, nil
}

// isDeliberate reports whether the user asked to sign out, rather than a page that refuses the user and
// to which signing in again leads.
func (v *Visit) isDeliberate(in *Request) bool {
	return !v.flow().callback && (v.ownRoute || in.Method != http.MethodGet)
}

// answerSignOut returns the response to a handler that signs its user out. It leads to a path of the
// app only, even if the handler has it from a request (threat C3).
func (s *Site) answerSignOut(v *Visit, in *Request, i *autherr.Intent) (*Response, error) {
	v.inFlow = cmp.Or(v.inFlow, new(flowVisit))
	h := &routeHandler{Site: s, ctx: v.context(), visit: v, in: in, out: newResponse()}
	h.out.protect()
	target := s.PostLogoutURL
	if i.To != "" {
		target = s.publicPath(s.DestinationOf(i.To).Path())
		if !i.AppOnly {
			target = s.Origin + target
		}
	}
	if v.inFlow.attempt != nil { // OnSignIn signs out whom it refuses, and single sign-on might bring them back
		h.out.setCookie(s.triesCookie(v.triesOf(in).Resumed(v.inFlow.attempt.Destination(), time.Now())))
	}
	return h.out, h.signOut(i.AppOnly, target)
}

// signedOutHere returns the error of a sign-out that the storage did not confirm: the browser has lost
// its cookie, and the session ends when the storage is back (threat D10).
func signedOutHere(err error, appOnly bool) error {
	e, ok := autherr.Find(err)
	if !ok {
		return err
	}
	detail := "The service ends your session as soon as it can."
	if !appOnly {
		detail += " You may still be signed in to Microsoft: try again to sign out there."
	}
	return autherr.WithWords(e, "You are signed out in this browser, but the service is busy.", detail)
}

// askForConfirmation answers with the question whether to sign out. The status of a navigation is
// 200, that of other requests 403.
func (h *routeHandler) askForConfirmation() {
	h.out.Status = http.StatusOK
	if !h.in.isNavigation() {
		h.out.Status = http.StatusForbidden
	}
	h.out.page = &Page{
		Code: codeConfirm, Status: h.out.Status, Message: "Do you want to sign out?",
		SignOutURL: h.routeURL(LogoutPath) + h.confirmation(h.in), SignOutOrigin: h.signOutOrigins(h.ctx), HomeURL: h.homeURL(),
	}
}

// meansSignOut reports whether the user, and no foreign page, asked to sign out. Browsers that do
// not send Sec-Fetch-Site send Origin with a POST to another origin at least.
func (h *routeHandler) meansSignOut() bool {
	site, origin := h.in.Header("Sec-Fetch-Site"), h.in.Header("Origin")
	own := site == "same-origin" || site == "none"
	if h.in.Method == http.MethodPost {
		return own || site == "" && (origin == "" || strings.EqualFold(origin, h.Origin) || h.isConfirmed(h.in))
	}
	return own && h.in.mayNavigate() && !h.in.isPrefetch() // no image, no prerendering
}

// confirmation returns the query of the form that signs out, for a browser that does not send
// Sec-Fetch-Site: because of the page's Referrer-Policy it sends the Origin null. It belongs to the
// session, so that no other site has it.
func (s *Site) confirmation(in *Request) string {
	session, ok := s.presentSession(in)
	if !ok || in.Header("Sec-Fetch-Site") != "" {
		return ""
	}
	text, err := s.Jar.SealRequirements(flow.Requirements{}, session, time.Now())
	if err != nil {
		return ""
	}
	return "?" + confirmedParameter + "=" + text
}

// isConfirmed reports whether a form comes from the question that this browser was asked.
func (s *Site) isConfirmed(in *Request) bool {
	session, ok := s.presentSession(in)
	if !ok {
		return false
	}
	_, confirmed := s.Jar.OpenRequirements(in.query(confirmedParameter), session, time.Now())
	return confirmed
}

// signedOut reports a session that its user ended, here or at Entra.
func (s *Site) signedOut(ctx context.Context, ended *session.Session, by string) {
	s.Telemetry.Audit(ctx, slog.LevelInfo, telemetry.EventSignedOut, ended.Subject(), slog.String("by", by))
	s.Telemetry.SignedOut(ctx, by)
	s.CallOnSignOut(ctx, ended)
}

// CallOnSignOut calls the app's hook, if there is one, for a session that has ended.
func (s *Site) CallOnSignOut(ctx context.Context, ended *session.Session) {
	if s.OnSignOut == nil {
		return
	}
	if err := callHook(ctx, s.OnSignOut, ended); err != nil {
		s.Log.LogAttrs(ctx, slog.LevelWarn, "OnSignOut failed", slog.Any("error", autherr.FromApp(err)))
	}
}

// callHook calls an OnSignOut, and returns a panic as an error: it must not keep the cookie of a session
// that has ended, nor other sessions that are about to end (threats D10, D12).
func callHook(ctx context.Context, hook func(context.Context, *session.Session) error, ended *session.Session) (err error) {
	ctx, cancel := context.WithTimeout(ctx, HookTimeout)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			err = autherr.Panicked(p)
		}
	}()
	return hook(ctx, ended)
}

// endSessionURL returns the URL at which a browser signs out of Entra and returns to a target, which
// never comes from the request unchecked (threat C3). If Entra's configuration is not available, the
// user is only signed out of the app.
func (s *Site) endSessionURL(ctx context.Context, ended *session.Session, target string) string {
	m, err := s.Authority.Metadata(ctx)
	if err != nil || m.EndSessionEndpoint == "" {
		return target
	}
	u, err := url.Parse(m.EndSessionEndpoint)
	if err != nil {
		return target
	}
	q := u.Query()
	q.Set("post_logout_redirect_uri", target)
	if ended != nil && ended.LoginHint != "" {
		q.Set("logout_hint", ended.LoginHint)
	}
	u.RawQuery = q.Encode()
	return u.String()
}

// signOutOrigin returns the origin of the page on which a browser signs out of Entra.
func (s *Site) signOutOrigin(ctx context.Context) string {
	return originOf(s.endSessionURL(ctx, nil, s.PostLogoutURL))
}

// signOutOrigins returns the origins, beside the app's own, to which the form that signs out leads.
func (s *Site) signOutOrigins(ctx context.Context) string {
	origins := s.signOutOrigin(ctx)
	if back := originOf(s.PostLogoutURL); back != s.Origin && back != origins {
		origins += " " + back
	}
	return origins
}

// originOf returns the origin of a URL as browsers write it, or "".
func originOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	host := strings.ToLower(u.Host)
	if port := map[string]string{"https": ":443", "http": ":80"}[u.Scheme]; port != "" {
		host = strings.TrimSuffix(host, port)
	}
	return u.Scheme + "://" + host
}

var entraSession = regexp.MustCompile(`^[A-Za-z0-9\-]{16,64}$`)

// frontChannelLogout handles GET /user/frontchannel-logout: Entra's sign-out page opens it in a
// hidden frame, where the browser sends no cookie of the app. The sid cannot be guessed, and
// anybody who knows it can only sign the user out (OpenID Connect Front-Channel Logout 1.0
// section 2). Entra omits iss.
func (h *routeHandler) frontChannelLogout() error {
	h.out.Header["X-Frame-Options"] = nil // not even one that another middleware has set
	h.out.Header.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors https://"+
		authority.HostOf(h.Authority.Authority)+" "+h.signOutOrigin(h.ctx))
	sid := h.in.query("sid")
	if !entraSession.MatchString(sid) {
		return rejected(http.StatusBadRequest, "sid")
	}
	if err := h.checkIssuer(h.in.query("iss")); err != nil {
		return err
	}
	return h.Sessions.EndEntraSession(h.ctx, sid, func(ended *session.Session) { h.signedOut(h.ctx, ended, "front_channel") })
}

// checkIssuer checks the issuer of a request, if it has one.
func (h *routeHandler) checkIssuer(issuer string) error {
	if issuer == "" {
		return nil
	}
	expected, err := h.Authority.Expects(h.ctx, issuer)
	if err == nil && !expected {
		err = rejected(http.StatusBadRequest, "issuer_mismatch")
	}
	return err
}
