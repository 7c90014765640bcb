package fibermsal

import (
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal/internal/flow"
)

// maxFlowCookies bounds how many sign-in cookies of a request are looked at.
const maxFlowCookies = 32

// cookieValue returns a copy of the one cookie of a name. A second one of the
// same name is an attack, for "__Host-" cookies cannot have one (cookie tossing,
// threat D5), so then there is none.
func cookieValue(c *fiber.Ctx, name string) (value string, ok bool) {
	found := 0
	c.Request().Header.VisitAllCookie(func(k, v []byte) {
		if string(k) == name {
			found++
			value = string(v) // copies: Fiber reuses the buffer (trap T10)
		}
	})
	if found != 1 {
		return "", false
	}
	return value, true
}

// flowCookies returns copies of the sign-in cookies of a request.
func (a *Auth) flowCookies(c *fiber.Ctx) (cookies []flow.Cookie) {
	c.Request().Header.VisitAllCookie(func(k, v []byte) {
		if len(cookies) < maxFlowCookies && a.flows.Owns(string(k)) {
			cookies = append(cookies, flow.Cookie{Name: string(k), Value: string(v)})
		}
	})
	return cookies
}

// setCookie writes a cookie whose name and value consist of safe characters:
// Fiber writes them as they are (threat C2).
func (a *Auth) setCookie(c *fiber.Ctx, name, value, sameSite string, life time.Duration) {
	c.Cookie(&fiber.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: int(life / time.Second),
		Secure: a.cfg.secure, HTTPOnly: true, SameSite: sameSite,
	})
}

// expireCookie removes a cookie by sending it again with the same attributes;
// Fiber's ClearCookie sends no Path, which removes nothing (trap T9).
func (a *Auth) expireCookie(c *fiber.Ctx, name, sameSite string) {
	c.Cookie(&fiber.Cookie{
		Name: name, Path: "/", Expires: time.Unix(1, 0),
		Secure: a.cfg.secure, HTTPOnly: true, SameSite: sameSite,
	})
}

// flowSameSite is None only where the answer arrives by a cross-site POST.
func (a *Auth) flowSameSite() string {
	if a.cfg.ResponseMode == FormPost {
		return fiber.CookieSameSiteNoneMode
	}
	return fiber.CookieSameSiteLaxMode
}

// header returns a copy of a request's header.
func header(c *fiber.Ctx, name string) string {
	return strings.Clone(c.Get(name))
}
