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
	"github.com/fibermsal/fibermsal/internal/phrases"
	"github.com/fibermsal/fibermsal/internal/session"
	"github.com/fibermsal/fibermsal/internal/telemetry"
)

const (
	// confirmedParameter is set in the URL of the form by which a user confirms the sign-out.
	confirmedParameter = "confirmed"
	// movedParameter is set in the URL to which a visitor of another host is redirected.
	movedParameter = "moved"
)

// logout handles POST and GET /user/logout. A POST or GET from the app's own pages, and a GET from the
// address bar, sign out. Any other request may have been caused by a foreign page, so the user is asked
// to confirm it (threat C4).
func (h *routeHandler) logout() error {
	if h.isOpenedElsewhere(h.in) && h.in.query(movedParameter) == "" { // once, because a proxy may change the host
		h.out.redirect(h.in, h.Origin+h.routeURL(LogoutPath)+"?"+movedParameter+"=1")
		return nil
	}
	if !h.meansSignOut() {
		h.askForConfirmation()
		return nil
	}
	return h.signOut(false, h.PostLogoutURL)
}

// signOut ends the session of the browser, and redirects the browser to Entra's sign-out page, unless
// appOnly is set, and then to a target.
func (h *routeHandler) signOut(appOnly bool, target string) error {
	h.visit.inFlow.appOnly = appOnly
	ended, err := h.endOwnSession()
	if err != nil {
		return signedOutHere(err, appOnly)
	}
	if !appOnly {
		target = h.endSessionURL(h.ctx, ended, target)
	}
	h.out.redirect(h.in, target)
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

// isDeliberate reports whether the user has asked to sign out. Otherwise a page that refuses the user
// has signed the user out, and signing in again would lead back to it.
func (v *Visit) isDeliberate(in *Request) bool {
	return !v.flow().callback && (v.ownRoute || in.Method != http.MethodGet)
}

// answerSignOut returns the response to a handler that signs its user out. It redirects only to a path
// of the app, even if the handler has taken the path from a request (threat C3).
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
	if v.inFlow.attempt != nil { // OnSignIn signs out a user whom it refuses; single sign-on might sign the same user in again
		h.out.setCookie(s.triesCookie(v.triesOf(in).Resumed(v.inFlow.attempt.Destination(), time.Now())))
	}
	return h.out, h.signOut(i.AppOnly, target)
}

// signedOutHere returns the error of a sign-out that the storage did not confirm. The browser's cookie
// has been removed, and the session ends when the storage is back (threat D10).
func signedOutHere(err error, appOnly bool) error {
	e, ok := autherr.Find(err)
	if !ok {
		return err
	}
	detail := phrases.SignedOutHereOnlyDetail
	if appOnly {
		detail = phrases.SignedOutHereDetail
	}
	return autherr.WithWords(e, phrases.SignedOutHere, detail)
}

// askForConfirmation responds with the question whether to sign out. The status is 200 for a navigation
// and 403 for other requests.
func (h *routeHandler) askForConfirmation() {
	h.out.Status = http.StatusOK
	if !h.in.isNavigation() {
		h.out.Status = http.StatusForbidden
	}
	p := newPage(h.in, h.homeURL(), codeConfirm, h.out.Status)
	p.Message, p.HomeText = p.language.Text(phrases.SignOutQuestion), p.language.Text(phrases.StaySignedInButton)
	p.SignOutText = p.language.Text(phrases.SignOutButton)
	p.SignOutURL, p.SignOutOrigin = h.routeURL(LogoutPath)+h.confirmation(h.in), h.signOutOrigins(h.ctx)
	h.out.page = p
}

// meansSignOut reports whether the user, and not a foreign page, has asked to sign out. Browsers that
// do not send Sec-Fetch-Site at least send Origin with a POST to another origin.
func (h *routeHandler) meansSignOut() bool {
	site, origin := h.in.Header("Sec-Fetch-Site"), h.in.Header("Origin")
	own := site == "same-origin" || site == "none"
	if h.in.Method == http.MethodPost {
		return own || site == "" && (origin == "" || strings.EqualFold(origin, h.Origin) || h.isConfirmed(h.in))
	}
	return own && h.in.mayNavigate() && !h.in.isPrefetch() // neither an image nor prerendering
}

// confirmation returns the query of the sign-out form, for browsers that do not send Sec-Fetch-Site.
// Because of the page's Referrer-Policy, they send the Origin null. The query is bound to the session,
// so other sites cannot know it.
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

// isConfirmed reports whether a form comes from the confirmation page that this browser was shown.
func (s *Site) isConfirmed(in *Request) bool {
	session, ok := s.presentSession(in)
	if !ok {
		return false
	}
	_, confirmed := s.Jar.OpenRequirements(in.query(confirmedParameter), session, time.Now())
	return confirmed
}

// signedOut reports that a user has signed out, here or at Entra.
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

// callHook calls an OnSignOut and returns a panic as an error, because a panic must not prevent that
// the cookie is removed or that other sessions are ended (threats D10, D12).
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

// endSessionURL returns the URL at which a browser signs out of Entra and returns to a target. The
// target never comes from the request unchecked (threat C3). If Entra's configuration is not available,
// the user is only signed out of the app.
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

// signOutOrigin returns the origin of Entra's sign-out page.
func (s *Site) signOutOrigin(ctx context.Context) string {
	return originOf(s.endSessionURL(ctx, nil, s.PostLogoutURL))
}

// signOutOrigins returns the origins, other than the app's own, to which the sign-out form redirects.
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

// frontChannelLogout handles GET /user/frontchannel-logout. Entra's sign-out page opens it in a hidden
// frame, where the browser sends none of the app's cookies. The sid cannot be guessed, and with it one
// can only sign the user out (OpenID Connect Front-Channel Logout 1.0 section 2). Entra omits iss.
func (h *routeHandler) frontChannelLogout() error {
	h.out.Header["X-Frame-Options"] = nil // also removes a value that another middleware has set
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
