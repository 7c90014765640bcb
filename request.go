package fibermsal

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal/internal/flow"
)

// requestKey is the key of a request's value in Fiber's Locals. Its type is not
// exported, so nothing else can collide with it (trap T11).
type requestKey struct{}

// request is what the middleware knows about one request. It has no Close
// method, because Fiber would call it (trap T12).
type request struct {
	auth *Auth

	ownRoute bool              // is one of the library's
	callback bool              // an answer of Entra's, whose failure no redirect may repeat
	attempt  *flow.Attempt     // that failed there
	to       *flow.Destination // of the sign-in that was to begin

	asked   bool // who the user is: at most one storage read (threat H4)
	session *session
	err     error
}

// requestOf returns the request's value, or nil without the middleware.
func requestOf(c *fiber.Ctx) *request {
	r, _ := c.Locals(requestKey{}).(*request)
	return r
}

// current returns the session of the request, or nil if nobody is signed in.
// Only the first call reads the storage.
func (r *request) current(c *fiber.Ctx) (*session, error) {
	if r.asked {
		return r.session, r.err
	}
	r.asked = true
	c.Vary(fiber.HeaderCookie)
	id, ok := cookieValue(c, r.auth.cfg.cookieName)
	if !ok {
		return nil, nil
	}
	r.session, r.err = r.auth.load(c.UserContext(), id)
	if errors.Is(r.err, errCorruptSession) {
		r.auth.expireCookie(c, r.auth.cfg.cookieName, fiber.CookieSameSiteLaxMode)
		r.session, r.err = nil, nil
	}
	return r.session, r.err
}

// middleware makes the request's value, runs what comes next and answers its
// error.
func (a *Auth) middleware(c *fiber.Ctx) error {
	if a.cfg.Next != nil && a.cfg.Next(c) {
		outer := requestOf(c) // another Auth's: behind this one nobody is signed in
		c.Locals(requestKey{}, nil)
		defer c.Locals(requestKey{}, outer)
		return c.Next()
	}
	return a.serve(c, (*fiber.Ctx).Next)
}

func (a *Auth) serve(c *fiber.Ctx, next fiber.Handler) error {
	outer := requestOf(c)
	if outer != nil && outer.auth == a {
		return next(c)
	}
	r := &request{auth: a}
	c.Locals(requestKey{}, r)
	err := next(c)
	if r.err != nil && !a.cfg.AnonymousOnOutage && !errors.Is(err, ErrUnavailable) {
		// The handler saw nobody signed in because the storage failed: what it
		// wrote, or the error it made of that, may be wrong.
		err = r.err
	}
	if err == nil {
		a.succeeded(c, r)
	}
	a.hintAtCSRF(c, r, err)
	err = a.answer(c, err)
	if outer != nil {
		c.Locals(requestKey{}, outer)
	}
	return err
}

// hintAtCSRF says why Entra's answers do not arrive: a CSRF middleware between this one
// and the routes refuses them, for they are cross-site POSTs. The state protects them
// (threat A17).
func (a *Auth) hintAtCSRF(c *fiber.Ctx, r *request, err error) {
	if r.ownRoute || c.Method() != fiber.MethodPost || c.Path() != a.cfg.RoutePrefix+callbackPath {
		return
	}
	var e *fiber.Error
	if c.Response().StatusCode() == fiber.StatusForbidden || (errors.As(err, &e) && e.Code == fiber.StatusForbidden) {
		a.log.LogAttrs(c.UserContext(), slog.LevelError,
			"Entra's answer was refused before it reached its route: let the CSRF middleware skip it by its Next", slog.String("path", a.cfg.RoutePrefix+callbackPath))
	}
}

// answer turns an [*Error] into a response and passes other errors on.
func (a *Auth) answer(c *fiber.Ctx, err error) error {
	if err == nil {
		return nil // before anything is allocated
	}
	var e *Error
	if !errors.As(err, &e) {
		return err
	}
	startOver(c)
	e = a.askable(e)
	if e.interactive() && !requestOf(c).callback && isNavigation(c) {
		if a.sendToSignIn(c, e) {
			return nil
		}
		e = errSignInLoop.because(e.Code, e)
	}
	numbered := *e
	numbered.CorrelationID = correlationID(a.rand)
	a.report(c.UserContext(), &numbered)
	c.Set(fiber.HeaderCacheControl, "no-store, private")
	if e.RetryAfter > 0 {
		c.Set(fiber.HeaderRetryAfter, strconv.Itoa(int((e.RetryAfter+time.Second-1)/time.Second)))
	}
	if a.cfg.ErrorHandler != nil && (!e.interactive() || requestOf(c).callback) {
		return a.cfg.ErrorHandler(c, &numbered)
	}
	return a.writeProblem(c, &numbered)
}

// startOver drops what the handler wrote before it failed.
func startOver(c *fiber.Ctx) {
	c.Response().ResetBody()
	for _, name := range []string{fiber.HeaderContentEncoding, fiber.HeaderContentDisposition, fiber.HeaderContentRange, fiber.HeaderETag} {
		c.Response().Header.Del(name)
	}
}

// report logs what was answered. Who is not signed in, or changed their mind, is no
// news.
func (a *Auth) report(ctx context.Context, e *Error) {
	level := slog.LevelWarn
	switch {
	case errors.Is(e, ErrLoginRequired) && e.Reason == "":
		level = slog.LevelDebug
	case e.Reason == reasonCancelled:
		level = slog.LevelInfo
	case e.Status >= fiber.StatusInternalServerError && !errors.Is(e, ErrUnavailable):
		level = slog.LevelError
	}
	a.log.LogAttrs(ctx, level, "request refused", slog.Any("error", e))
}
