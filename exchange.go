package fibermsal

import (
	"context"
	"io"
	"net/http"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal/entra"
	"github.com/fibermsal/fibermsal/internal/web"
)

// exchange adapts a request of Fiber to the library. Its Visit, the library's state for the request, is
// stored in Locals and must not have a Close method, because Fiber would call it (trap T12).
type exchange struct {
	auth  *Auth
	c     *fiber.Ctx
	visit web.Visit

	keptPrivate bool
}

var _ web.Exchange = (*exchange)(nil)

// visitOf returns the request's Visit, or nil if the middleware has not run.
func visitOf(c *fiber.Ctx) *web.Visit {
	v, _ := c.Locals(entra.VisitKey()).(*web.Visit)
	return v
}

// exchangeOf returns the request's exchange, or nil if the middleware has not run.
func exchangeOf(c *fiber.Ctx) *exchange {
	v := visitOf(c)
	if v == nil {
		return nil
	}
	e, _ := v.Exchange.(*exchange)
	return e
}

// Context implements web.Exchange.
func (e *exchange) Context() context.Context { return contextOf(e.c) }

// Cookie implements web.Exchange. The value is a copy, because Fiber reuses the buffer (trap
// T10).
func (e *exchange) Cookie(name string) (value string, ok bool) {
	found, differ := false, false
	visitCookies(e.c, func(k, v []byte) {
		switch {
		case string(k) != name:
		case !found:
			found, value = true, string(v)
		default:
			differ = differ || string(v) != value
		}
	})
	return value, found && !differ
}

// HasCookie implements web.Exchange.
func (e *exchange) HasCookie(name string) bool { return len(e.c.Request().Header.Cookie(name)) > 0 }

// Authorization implements web.Exchange.
func (e *exchange) Authorization() (value []byte, count int) {
	values := e.c.Request().Header.PeekAll(fiber.HeaderAuthorization)
	if len(values) == 0 {
		return nil, 0
	}
	return values[0], len(values)
}

// Path implements web.Exchange.
func (e *exchange) Path() []byte { return e.c.Request().URI().PathOriginal() }

// HasQuery implements web.Exchange.
func (e *exchange) HasQuery(name string) bool { return e.c.Request().URI().QueryArgs().Has(name) }

// SetCookie implements web.Exchange.
func (e *exchange) SetCookie(cookie *http.Cookie) { setCookie(e.c, cookie) }

// These are the headers that KeepPrivate sets, as byte slices, which fasthttp accepts without a
// conversion.
var (
	varyName, cookieName, authorizationName = []byte(fiber.HeaderVary), []byte(fiber.HeaderCookie), []byte(fiber.HeaderAuthorization)
	controlName, private                    = []byte(fiber.HeaderCacheControl), []byte("private")
)

// KeepPrivate implements web.Exchange. It avoids Vary, which allocates with Fiber v3. Every request
// of a signed-in user calls it twice.
func (e *exchange) KeepPrivate(by string) {
	header, name := &e.c.Response().Header, cookieName
	if by == fiber.HeaderAuthorization {
		name = authorizationName
	}
	switch vary := header.Peek(fiber.HeaderVary); {
	case len(vary) == 0:
		header.SetCanonical(varyName, name)
	case string(vary) != by:
		e.c.Vary(by)
	case e.keptPrivate:
		return // nothing has replaced the header
	}
	e.keptPrivate = true
	if len(header.Peek(fiber.HeaderCacheControl)) == 0 {
		header.SetCanonical(controlName, private)
	}
}

// Request implements web.Exchange.
func (e *exchange) Request() *web.Request {
	uri := e.c.Request().URI()
	return &web.Request{
		Method: strings.Clone(e.c.Method()), Path: string(e.Path()), RawQuery: string(uri.QueryString()),
		Host:    string(e.c.Request().Header.Host()),
		Header:  func(name string) string { return strings.Clone(e.c.Get(name)) },
		Cookies: e.cookies,
		Body:    e.body,
	}
}

// cookies yields copies of names and values.
func (e *exchange) cookies(yield func(name, value string) bool) {
	more := true
	visitCookies(e.c, func(k, v []byte) {
		more = more && yield(string(k), string(v))
	})
}

// body reads a body of at most limit bytes. c.Body would decompress it, and c.FormValue prefers the
// query. A streamed body is not read beyond the limit.
func (e *exchange) body(limit int) (body []byte, ok bool) {
	r := e.c.Request()
	if r.Header.ContentLength() > limit {
		e.c.Response().SetConnectionClose()
		return nil, false
	}
	if !r.IsBodyStream() {
		return r.Body(), len(r.Body()) <= limit
	}
	body, err := io.ReadAll(io.LimitReader(r.BodyStream(), int64(limit)+1))
	return body, err == nil && len(body) <= limit
}

// setCookie sets a cookie. Its name and value must consist of safe characters, because Fiber does not
// escape them (threat C2).
func setCookie(c *fiber.Ctx, cookie *http.Cookie) {
	c.Cookie(&fiber.Cookie{
		Name: cookie.Name, Value: cookie.Value, Path: cookie.Path, MaxAge: cookie.MaxAge, Expires: cookie.Expires,
		Secure: cookie.Secure, HTTPOnly: cookie.HttpOnly, SameSite: sameSite(cookie.SameSite),
	})
}

func sameSite(mode http.SameSite) string {
	if mode == http.SameSiteNoneMode {
		return fiber.CookieSameSiteNoneMode
	}
	return fiber.CookieSameSiteLaxMode
}
