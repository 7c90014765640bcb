package web

import (
	"github.com/fibermsal/fibermsal/internal/flow"
)

// flowBrowser returns the content of the cookie that binds sign-ins to the browser.
func (h *routeHandler) flowBrowser() flow.Browser {
	value, ok := h.in.Cookie(h.Jar.BrowserName())
	if !ok {
		return flow.Browser{}
	}
	return h.Jar.OpenBrowser(value)
}

// setBrowser sets the cookie that binds sign-ins to the browser, for as long as the last of them may
// take. It removes the cookie if no sign-in is in progress.
func (h *routeHandler) setBrowser(b flow.Browser) {
	c := h.Jar.SealBrowser(b)
	switch {
	case !b.IsEmpty():
		h.out.setCookie(h.cookie(c.Name, c.Value, h.flowSameSite(), flow.Lifetime))
	case h.visit.Exchange.HasCookie(c.Name):
		h.out.setCookie(h.expired(c.Name, h.flowSameSite()))
	}
}

// setPath sets the cookie with a path that does not fit into the state. Only the routes receive it,
// because it would make the requests of all pages too long (threat D15). If the cookies become too long
// for proxies, the sign-in returns to the home page.
func (h *routeHandler) setPath(c *flow.Cookie) {
	cookie := h.cookie(c.Name, c.Value, h.flowSameSite(), flow.PathLifetime) //nolint:gosec // as in cookie
	cookie.Path = h.routeURL("/")
	if h.out.cookieSize()+len(cookie.String()) <= maxCookies {
		h.out.setCookie(cookie)
	}
}

// forgetAttempt removes the browser's cookies for one attempt, except the path, to which a repeated
// response leads.
func (h *routeHandler) forgetAttempt(a *flow.Attempt) {
	h.visit.inFlow.browser = h.visit.inFlow.browser.Without(a)
	h.setBrowser(h.visit.inFlow.browser)
	if c := a.Cookie(); c != nil && !h.Jar.OwnsPath(c.Name) { // set by an earlier version
		h.out.setCookie(h.expired(c.Name, h.flowSameSite()))
	}
}
