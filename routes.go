package fibermsal

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal/internal/flow"
	"github.com/fibermsal/fibermsal/internal/record"
)

// The routes, below the prefix.
const (
	loginPath    = "/login"
	callbackPath = "/authorized"
	logoutPath   = "/logout"
	infoPath     = "/info"
	frontPath    = "/frontchannel-logout"
)

// RegisterRoutes mounts the routes under /user, for the middleware that [New]
// put in front of them:
//
//	GET  /user/login?to=/path  sends the browser to Entra and back to the path
//	POST /user/authorized      takes Entra's answer (GET with ResponseMode Query)
//	POST /user/logout          signs out here and at Entra; a GET asks first,
//	                           unless it was typed or comes from the app's pages
//	GET  /user/info            who is signed in, as JSON
//	GET  /user/frontchannel-logout  ends the sessions that began with the session at
//	                           Entra that has just ended; register it as the
//	                           front-channel logout URL
//
// For another prefix use [Open] and [Auth.RegisterRoutes].
func RegisterRoutes(router fiber.Router) {
	mount(router, defaultPrefix, func(c *fiber.Ctx, handler route) error {
		r := requestOf(c)
		if r == nil {
			e := notMounted("RegisterRoutes")
			slog.Default().LogAttrs(c.UserContext(), slog.LevelError, "route without middleware", slog.Any("error", e))
			return e
		}
		return r.auth.run(c, handler)
	})
}

// RegisterRoutes mounts the routes under Config.RoutePrefix, as the function of
// the same name does under /user. They work without the middleware in front.
func (a *Auth) RegisterRoutes(router fiber.Router) {
	mount(router, a.cfg.RoutePrefix, func(c *fiber.Ctx, handler route) error {
		return a.serve(c, func(c *fiber.Ctx) error { return a.run(c, handler) })
	})
}

// route is a handler below the prefix, and its path there.
type route struct {
	path   string
	handle func(*Auth, *fiber.Ctx) error
}

func mount(router fiber.Router, prefix string, run func(*fiber.Ctx, route) error) {
	add := func(method, path string, handle func(*Auth, *fiber.Ctx) error) {
		// Add, not Get, which would answer HEAD with the same side effects (T17).
		router.Add(method, prefix+path, func(c *fiber.Ctx) error { return run(c, route{path, handle}) })
	}
	add(fiber.MethodGet, loginPath, (*Auth).login)
	add(fiber.MethodPost, callbackPath, (*Auth).authorized)
	add(fiber.MethodGet, callbackPath, (*Auth).authorized)
	add(fiber.MethodPost, logoutPath, (*Auth).logout)
	add(fiber.MethodGet, logoutPath, (*Auth).logout)
	add(fiber.MethodGet, infoPath, (*Auth).info)
	add(fiber.MethodGet, frontPath, (*Auth).frontChannelLogout)
}

// run checks that a route is where the redirect URI says, sets the headers that
// all answers need, and handles the request.
func (a *Auth) run(c *fiber.Ctx, r route) error {
	protect(c)
	requestOf(c).ownRoute = true
	if want := a.cfg.RoutePrefix + r.path; c.Route().Path != want {
		return ErrMisconfigured.because("route_elsewhere", errors.New(
			"the route is mounted at "+c.Route().Path+" but Config makes it "+want+": set RoutePrefix and use Open with Auth.RegisterRoutes"))
	}
	return r.handle(a, c)
}

// protect keeps answers about one user out of caches, frames and referrers
// (threats A14, C6, C10).
func protect(c *fiber.Ctx) {
	c.Set(fiber.HeaderCacheControl, "no-store, private")
	c.Set(fiber.HeaderReferrerPolicy, "no-referrer")
	c.Set(fiber.HeaderXContentTypeOptions, "nosniff")
	c.Set(fiber.HeaderXFrameOptions, "DENY")
	c.Vary(fiber.HeaderCookie)
}

// login handles GET /user/login: it starts a sign-in and sends the browser to
// Entra. What it is to bring is sealed; what else is in the query, such as scopes,
// is ignored (threat A16).
func (a *Auth) login(c *fiber.Ctx) error {
	if isPrefetch(c) {
		return c.SendStatus(fiber.StatusServiceUnavailable) // nobody asked for it (A15)
	}
	if !mayNavigate(c) {
		return c.SendStatus(fiber.StatusForbidden)
	}
	replaces, _ := a.presentSession(c)
	to := flow.DestinationOf(strings.Clone(c.Query(toParameter))).For(strings.Clone(c.Query(pageParameter)))
	requestOf(c).to = &to
	return a.sendToEntra(c, to, replaces, a.asked(c, replaces))
}

// sendToEntra begins a sign-in, whose cookie the browser must bring back.
func (a *Auth) sendToEntra(c *fiber.Ctx, to flow.Destination, replaces string, ask flow.Ask) error {
	target, cookie, err := a.begin(c.UserContext(), to, replaces, ask)
	if err != nil {
		return err
	}
	for _, name := range a.flows.Evict(a.flowCookies(c), cookie, time.Now()) {
		a.expireCookie(c, name, a.flowSameSite())
	}
	a.setCookie(c, cookie.Name, cookie.Value, a.flowSameSite(), flow.Lifetime)
	return redirect(c, target)
}

// authorized handles Entra's answer: POST /user/authorized with form_post, GET
// with query.
func (a *Auth) authorized(c *fiber.Ctx) error {
	requestOf(c).callback = true
	ctx, span := a.telemetry.tracer.Start(c.UserContext(), "fibermsal sign-in")
	c.SetUserContext(ctx)
	err := a.takeAnswer(c)
	if err != nil {
		a.telemetry.signIns.Add(ctx, 1, outcomeAttributes(err))
		code, reason := outcome(err)
		a.audit(ctx, slog.LevelInfo, auditSignInRefused, nil, slog.String("code", code), slog.String("reason", reason))
	}
	endSpan(span, err)
	return err
}

func (a *Auth) takeAnswer(c *fiber.Ctx) error {
	at := time.Now() // a session that is ended from now on must not begin (threat D12)
	response, err := a.readResponse(c)
	if err != nil {
		return err
	}
	attempt, err := a.attemptOf(response, a.flowCookies(c))
	if err != nil {
		return err
	}
	requestOf(c).attempt = attempt
	if response.Error != "" && attempt.Ask().Silent {
		return a.withTheUser(c, response)
	}
	present, _ := a.presentSession(c)
	f, err := a.finish(c.UserContext(), attempt, &arrival{response: response, present: present, browser: a.browserOf(c), at: at})
	var e *Error
	if errors.As(err, &e) && e.Reason == reasonAnotherUser {
		return a.withTheUser(c, response)
	}
	if err != nil {
		if !errors.Is(err, ErrUnavailable) {
			a.expireCookie(c, a.flows.Name(response.State), a.flowSameSite())
		}
		if e != nil && e.ask != nil && e.ask.Claims != "" && mayNavigate(c) {
			return a.withClaims(c, attempt, e)
		}
		return err
	}
	a.audit(c.UserContext(), slog.LevelInfo, auditSignedIn, f.session)
	a.telemetry.signIns.Add(c.UserContext(), 1, outcomeAttributes(nil))
	a.expireCookie(c, a.flows.Name(response.State), a.flowSameSite())
	a.setCookie(c, a.cfg.cookieName, f.id, fiber.CookieSameSiteLaxMode, a.cfg.AbsoluteTimeout)
	a.completedFor(c, f.to)
	return errors.Join(a.succeed(c, f.session, response.State), redirect(c, f.to.Path()))
}

// withTheUser repeats a silent sign-in that did not succeed, with the user's help.
func (a *Auth) withTheUser(c *fiber.Ctx, response *flow.Response) error {
	a.expireCookie(c, a.flows.Name(response.State), a.flowSameSite())
	return redirect(c, a.mend(c, ErrLoginRequired))
}

// succeed tells the sign-ins that other tabs have begun which session they will
// replace: with form_post their callbacks do not bring the cookie of a session that
// began after them, and its records would outlive it in the storage.
func (a *Auth) succeed(c *fiber.Ctx, begun *session, finished string) error {
	for _, pending := range a.flowCookies(c) {
		attempt, ok := a.flows.Open(pending)
		if !ok || attempt.Matches(finished) || attempt.Expired(time.Now()) {
			continue
		}
		cookie, err := a.flows.Seal(attempt.Replacing(begun.recordName))
		if err != nil {
			return err
		}
		a.setCookie(c, cookie.Name, cookie.Value, a.flowSameSite(), flow.Lifetime)
	}
	return nil
}

// readResponse takes the authorization response from where the response mode
// puts it, and from nowhere else (threats A11, A12).
func (a *Auth) readResponse(c *fiber.Ctx) (*flow.Response, error) {
	query := string(c.Request().URI().QueryString())
	if a.cfg.ResponseMode == Query {
		if c.Method() != fiber.MethodGet {
			return nil, wrongMethod(c, fiber.MethodGet)
		}
		return parseResponse(query)
	}
	if c.Method() != fiber.MethodPost {
		return nil, wrongMethod(c, fiber.MethodPost)
	}
	kind, _, err := mime.ParseMediaType(header(c, fiber.HeaderContentType))
	if err != nil || kind != fiber.MIMEApplicationForm || c.Get(fiber.HeaderContentEncoding) != "" {
		return nil, rejected(fiber.StatusUnsupportedMediaType, "content_type")
	}
	body, ok := boundedBody(c)
	if !ok {
		return nil, rejected(fiber.StatusRequestEntityTooLarge, "too_large")
	}
	if flow.NamesProtocol(query) {
		return nil, rejected(fiber.StatusBadRequest, "query_beside_form")
	}
	return parseResponse(string(body))
}

// boundedBody reads a body of the size that a response may have. Not by c.Body,
// which inflates it, nor c.FormValue, which prefers the query; and where the app
// streams bodies, not past the bound.
func boundedBody(c *fiber.Ctx) (body []byte, ok bool) {
	r := c.Request()
	if r.Header.ContentLength() > flow.MaxResponse {
		c.Response().SetConnectionClose()
		return nil, false
	}
	if !r.IsBodyStream() {
		return r.Body(), len(r.Body()) <= flow.MaxResponse
	}
	body, err := io.ReadAll(io.LimitReader(r.BodyStream(), flow.MaxResponse+1))
	return body, err == nil && len(body) <= flow.MaxResponse
}

func parseResponse(raw string) (*flow.Response, error) {
	response, err := flow.ParseResponse(raw)
	if err != nil {
		return nil, rejected(fiber.StatusBadRequest, "malformed_response")
	}
	return response, nil
}

func wrongMethod(c *fiber.Ctx, allowed string) *Error {
	c.Set(fiber.HeaderAllow, allowed)
	return rejected(fiber.StatusMethodNotAllowed, "method")
}

func rejected(status int, reason string) *Error {
	e := ErrRejected.because(reason, nil)
	e.Status = status
	return e
}

// logout handles POST /user/logout, and a GET that comes from the app's own pages
// or the address bar. Any other, which a foreign page may have caused, is asked
// to confirm (threat C4).
func (a *Auth) logout(c *fiber.Ctx) error {
	if !meansSignOut(c) {
		return a.writeConfirmation(c)
	}
	name, ok := a.presentSession(c)
	if !ok {
		return redirect(c, a.endSessionURL(c, nil))
	}
	// The cookie goes first, whatever the storage does next (threat D10).
	a.expireCookie(c, a.cfg.cookieName, fiber.CookieSameSiteLaxMode)
	a.forgetTries(c)
	s, err := requestOf(c).current(c)
	if err := errors.Join(err, a.end(c.UserContext(), name)); err != nil {
		return err
	}
	a.signedOut(c, s, "user")
	return redirect(c, a.endSessionURL(c, s))
}

// meansSignOut reports whether the user, and no foreign page, asked to sign out.
func meansSignOut(c *fiber.Ctx) bool {
	site := c.Get("Sec-Fetch-Site")
	own := site == "same-origin" || site == "none"
	if c.Method() == fiber.MethodPost {
		return own || site == ""
	}
	return own && mayNavigate(c) && !isPrefetch(c) // no picture, no prerendering
}

func (a *Auth) signedOut(c *fiber.Ctx, s *session, by string) {
	if s == nil {
		return
	}
	a.delist(c.UserContext(), s)
	a.countSignOut(c.UserContext(), auditSignedOut, s, by)
	if a.cfg.OnSignOut == nil {
		return
	}
	ctx, cancel := context.WithTimeout(c.UserContext(), hookTimeout)
	defer cancel()
	if err := a.cfg.OnSignOut(ctx, s.User.clone()); err != nil {
		a.log.LogAttrs(c.UserContext(), slog.LevelWarn, "OnSignOut failed", slog.Any("error", refusedByApp(err)))
	}
}

var entraSession = regexp.MustCompile(`^[A-Za-z0-9\-]{16,64}$`)

// frontChannelLogout handles GET /user/frontchannel-logout: Entra's sign-out page opens
// it in a hidden frame, where the browser sends no cookie of ours. Whoever knows the
// unguessable sid can sign out, and nothing else (OpenID Connect Front-Channel Logout
// 1.0 section 2). Entra leaves iss out.
func (a *Auth) frontChannelLogout(c *fiber.Ctx) error {
	c.Response().Header.Del(fiber.HeaderXFrameOptions)
	c.Set(fiber.HeaderContentSecurityPolicy, "default-src 'none'; frame-ancestors https://"+hostOf(a.cfg.authority)+" "+a.signOutOrigin(c))
	sid, issuer := strings.Clone(c.Query("sid")), strings.Clone(c.Query("iss"))
	if !entraSession.MatchString(sid) {
		return rejected(fiber.StatusBadRequest, "sid")
	}
	if err := a.expected(c.UserContext(), issuer); err != nil {
		return err
	}
	var failed error
	for name, err := range a.listed(c.UserContext(), entraSessionLabel(sid)) {
		if err != nil {
			return err
		}
		s, err := a.read(c.UserContext(), name)
		if err == nil && (s == nil || s.EntraSession != sid) {
			continue
		}
		if err == nil {
			err = a.end(c.UserContext(), name)
		}
		if err != nil {
			failed = errors.Join(failed, err) // the others shall end all the same
			continue
		}
		a.signedOut(c, s, "front_channel")
	}
	if failed != nil {
		return failed
	}
	return c.SendStatus(fiber.StatusOK)
}

// expected checks an issuer that a request names, if it does.
func (a *Auth) expected(ctx context.Context, issuer string) error {
	if issuer == "" {
		return nil
	}
	m, err := a.metadata(ctx)
	if err != nil {
		return err
	}
	if !a.verifier(m).Expects(issuer) {
		return rejected(fiber.StatusBadRequest, "issuer_mismatch")
	}
	return nil
}

// endSessionURL is where a browser signs out of Entra. The way back is the
// configured one, whatever the request says (threat C3). If Entra cannot be
// asked, the local sign-out must do.
func (a *Auth) endSessionURL(c *fiber.Ctx, s *session) string {
	m, err := a.metadata(c.UserContext())
	if err != nil || m.EndSessionEndpoint == "" {
		return a.cfg.PostLogoutURL
	}
	u, err := url.Parse(m.EndSessionEndpoint)
	if err != nil {
		return a.cfg.PostLogoutURL
	}
	q := u.Query()
	q.Set("post_logout_redirect_uri", a.cfg.PostLogoutURL)
	if s != nil && s.LoginHint != "" {
		q.Set("logout_hint", s.LoginHint)
	}
	u.RawQuery = q.Encode()
	return u.String()
}

// info handles GET /user/info. It names fields one by one, so that nothing else
// of a session can get out (threat C7).
func (a *Auth) info(c *fiber.Ctx) error {
	s, err := requestOf(c).current(c)
	if err != nil {
		return err
	}
	if s == nil {
		return c.JSON(fiber.Map{"authenticated": false})
	}
	u := &s.User
	answer := fiber.Map{}
	for name, value := range u.Values {
		answer[name] = value
	}
	for name, fn := range a.cfg.Info {
		answer[name] = a.ask(c, name, fn, u.clone())
	}
	for name, value := range (fiber.Map{
		"authenticated": true, "name": u.Name, "mail": u.Mail, "upn": u.Username,
		"tid": u.TenantID, "oid": u.ID, "roles": slices.Concat([]string{}, u.Roles),
		"session": fiber.Map{
			"signed_in_at": u.SignedInAt.UTC(), "expires_at": u.ExpiresAt.UTC(),
			"idle_timeout": int(a.cfg.IdleTimeout / time.Second),
		},
	}) {
		answer[name] = value // ours win over the app's of the same name
	}
	return c.JSON(answer)
}

func (a *Auth) ask(c *fiber.Ctx, name string, fn func(*fiber.Ctx, *User) (any, error), u *User) any {
	value, err := fn(c, u)
	if err != nil {
		a.log.LogAttrs(c.UserContext(), slog.LevelWarn, "Info function failed", slog.String("field", name), slog.Any("error", refusedByApp(err)))
		return nil
	}
	return value
}

// presentSession names the records of the session whose cookie the browser
// brought, without looking whether they exist.
func (a *Auth) presentSession(c *fiber.Ctx) (name string, ok bool) {
	id, ok := cookieValue(c, a.cfg.cookieName)
	if !ok {
		return "", false
	}
	return record.Name(id)
}

// requestedPath is a request's path and query as they came, without the host that
// an absolute request line names (trap T2).
func requestedPath(c *fiber.Ctx) string {
	uri := c.Request().URI()
	path := string(uri.PathOriginal())
	if query := uri.QueryString(); len(query) > 0 {
		path += "?" + string(query)
	}
	return path
}

// redirect sends the browser on by 303, which never repeats a POST (threat A13). It
// writes the header through Set, which removes line breaks; Fiber's
// Redirect does not (trap T1).
func redirect(c *fiber.Ctx, target string) error {
	c.Set(fiber.HeaderLocation, target)
	return c.SendStatus(fiber.StatusSeeOther)
}
