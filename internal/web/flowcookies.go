package web

import (
	"crypto/rand"
	"time"

	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/flow"
)

// maxPathCookies bounds how many cookies with paths of a request are read.
const maxPathCookies = 32

// flowBrowser returns what the browser keeps for its sign-ins.
func (h *routeHandler) flowBrowser() flow.Browser {
	value, ok := h.in.Cookie(h.Jar.BrowserName())
	if !ok {
		return flow.Browser{}
	}
	return h.Jar.OpenBrowser(value)
}

// beginningBrowser returns what a sign-in that begins is bound to, and sets its cookie.
func (h *routeHandler) beginningBrowser(sessionID string) (flow.Browser, error) {
	b, now := h.flowBrowser(), time.Now()
	if !b.MayBegin(now) {
		var err error
		if b, err = flow.NewBrowser(rand.Reader, now); err != nil {
			return b, autherr.Misconfigured.New("no_randomness", err)
		}
	}
	b = b.WithSession(sessionID)
	h.setBrowser(b)
	return b, nil
}

// setBrowser sets the cookie that binds sign-ins to the browser, for as long as the last of them may
// take.
func (h *routeHandler) setBrowser(b flow.Browser) {
	c := h.Jar.SealBrowser(b)
	h.out.setCookie(h.cookie(c.Name, c.Value, h.flowSameSite(), flow.Lifetime))
}

// setPath sets the cookie of a path that does not fit the state, and removes older ones that leave
// no room for it.
func (h *routeHandler) setPath(c flow.Cookie) {
	for _, name := range h.Jar.Evict(h.pathCookies(), c) {
		h.removePath(name)
	}
	cookie := h.cookie(c.Name, c.Value, h.flowSameSite(), flow.Lifetime)
	cookie.Path = h.pathOfRoutes()
	h.out.setCookie(cookie)
}

func (h *routeHandler) removePath(name string) {
	cookie := h.expired(name, h.flowSameSite())
	cookie.Path = h.pathOfRoutes()
	h.out.setCookie(cookie)
}

// pathOfRoutes keeps cookies that only the routes need out of the requests of all pages (threat D15).
func (h *routeHandler) pathOfRoutes() string { return h.routeURL("/") }

func (h *routeHandler) pathCookies() (cookies []flow.Cookie) {
	for name, value := range h.in.Cookies {
		if len(cookies) < maxPathCookies && h.Jar.OwnsPath(name) {
			cookies = append(cookies, flow.Cookie{Name: name, Value: value})
		}
	}
	return cookies
}

// forgetAttempt removes the cookie that belongs to one attempt, if there is one.
func (h *routeHandler) forgetAttempt(a *flow.Attempt) {
	switch c := a.Cookie(); {
	case c == nil:
	case h.Jar.OwnsPath(c.Name):
		h.removePath(c.Name)
	default: // that of an earlier version
		h.out.setCookie(h.expired(c.Name, h.flowSameSite()))
	}
}
