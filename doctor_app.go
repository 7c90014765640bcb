package fibermsal

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"github.com/fibermsal/fibermsal/internal/discovery"
	"github.com/fibermsal/fibermsal/internal/doctor"
)

// isLocal reports whether only browsers on this machine reach the app, as when
// somebody works on it.
func (s settings) isLocal() bool {
	u, err := url.Parse(s.PublicURL)
	return err == nil && discovery.IsLoopback(u.Hostname())
}

// addresses looks at where Entra sends answers, and how.
func (d *diagnosis) addresses() []doctor.Finding {
	cfg := d.auth.cfg
	if cfg.ResponseMode == FormPost && strings.HasPrefix(cfg.PublicURL, "http:") {
		return []doctor.Finding{{
			Severity: doctor.Warning, Code: "form_post_http", What: "ResponseMode is FormPost on a PublicURL of plain http",
			Why: "Entra's answer is then a cross-site POST, to which browsers add no Lax cookie, and one that is None must be Secure: Safari refuses that on http, so nobody can sign in with it",
			Fix: "leave ResponseMode empty, which is Query on http, or use https",
		}}
	}
	return []doctor.Finding{fine("address", fmt.Sprintf("Entra answers to %s (%s)", cfg.redirectURI, cfg.ResponseMode))}
}

// scopes looks at what Entra need not be asked for.
func (d *diagnosis) scopes() []doctor.Finding {
	scopes := d.auth.cfg.Scopes
	resourceOf := d.auth.cfg.graph.resourceOf
	if other := slices.IndexFunc(scopes, func(s string) bool { return resourceOf(s) != resourceOf(scopes[0]) }); other > 0 {
		return []doctor.Finding{{
			Severity: doctor.Error, Code: "scopes_mixed",
			What: fmt.Sprintf("Config.Scopes has %s and %s, which are of two resources", scopes[0], scopes[other]),
			Why:  "a token is for one resource: Entra refuses to redeem the code, or grants a part, and nobody can sign in",
			Fix:  "keep those of one resource; others are asked for where they are needed, by TokenCredential",
		}}
	}
	return nil
}

// settings looks at the app's, if there is one.
func (d *diagnosis) settings() (found []doctor.Finding) {
	if d.app == nil {
		return nil
	}
	cfg := d.app.Config()
	if cfg.ReadBufferSize < minReadBuffer {
		found = append(found, doctor.Finding{
			Severity: doctor.Warning, Code: "read_buffer", What: fmt.Sprintf("fiber.Config.ReadBufferSize is %d bytes", cfg.ReadBufferSize),
			Why: "who has several sign-ins open at once sends longer headers and gets 431",
			Fix: fmt.Sprintf("set it to %d", minReadBuffer),
		})
	}
	everyone := []string{"0.0.0.0/0", "::/0"}
	trustsAll := !cfg.EnableTrustedProxyCheck || slices.ContainsFunc(cfg.TrustedProxies, func(p string) bool { return slices.Contains(everyone, p) })
	if cfg.ProxyHeader != "" && trustsAll {
		found = append(found, doctor.Finding{
			Severity: doctor.Warning, Code: "proxy_trust", What: "fiber.Config.ProxyHeader is " + cfg.ProxyHeader + ", and anybody may send it",
			Why: "visitors choose the address that c.IP() gives, and with it get past limits and into logs; signing in does not depend on it",
			Fix: "set EnableTrustedProxyCheck, and in TrustedProxies the addresses of the proxies",
		})
	}
	if len(found) == 0 {
		found = append(found, fine("app", "the app reads headers that are long enough, and trusts no stranger's"))
	}
	return found
}

// login asks the app for a sign-in, as a browser would, and looks at what the middlewares
// in front of it have left.
func (d *diagnosis) login(context.Context) []doctor.Finding {
	if d.app == nil {
		return nil
	}
	a := d.auth
	resp, problem := d.ask(a.cfg.PublicURL + a.cfg.RoutePrefix + loginPath)
	if problem == "" {
		problem = a.misdirected(resp)
	}
	if problem != "" {
		return []doctor.Finding{{
			Severity: doctor.Error, Code: "login_route", What: "GET " + a.cfg.RoutePrefix + loginPath + " of the app does not begin a sign-in: " + problem,
			Why: "nobody can sign in", Fix: "mount the routes by RegisterRoutes, behind the middleware and in front of what refuses or catches them",
		}}
	}
	if problem := a.lostCookie(resp); problem != "" {
		return []doctor.Finding{{
			Severity: doctor.Error, Code: "login_cookie", What: "the cookie of a sign-in " + problem,
			Why: fmt.Sprintf("with %s the browser does not bring it along with Entra's answer, and without it the answer is refused", a.cfg.ResponseMode),
			Fix: "let no middleware and no proxy change Set-Cookie of the routes below " + a.cfg.RoutePrefix,
		}}
	}
	return []doctor.Finding{fine("login_route", "the app's login route begins a sign-in, with a cookie that comes back")}
}

// ask sends the app a request without a network.
func (d *diagnosis) ask(address string) (resp *fasthttp.Response, problem string) {
	defer func() {
		if r := recover(); r != nil {
			problem = "the app panics"
		}
	}()
	var request fasthttp.Request
	request.SetRequestURI(address)
	request.Header.Set(fiber.HeaderAccept, fiber.MIMETextHTML)
	request.Header.Set(fiber.HeaderXForwardedProto, "https")
	request.Header.SetUserAgent("fibermsal-doctor")
	var c fasthttp.RequestCtx
	c.Init(&request, nil, nil)
	d.app.Handler()(&c)
	return &c.Response, ""
}

// misdirected says why an answer does not lead to Entra and back here, or "".
func (a *Auth) misdirected(resp *fasthttp.Response) string {
	if status := resp.StatusCode(); status != http.StatusSeeOther {
		return fmt.Sprintf("the answer is %d", status)
	}
	u, err := url.Parse(string(resp.Header.Peek(fiber.HeaderLocation)))
	if err != nil || u.Query().Get("client_id") != a.cfg.ClientID {
		return "the browser is sent elsewhere"
	}
	if u.Query().Get("redirect_uri") != a.cfg.redirectURI {
		return "it is that of another Config, with another PublicURL or RoutePrefix"
	}
	return ""
}

// lostCookie says why the sign-in's cookie will not come back, or "".
func (a *Auth) lostCookie(resp *fasthttp.Response) (problem string) {
	problem = "is not set"
	resp.Header.VisitAllCookie(func(_, line []byte) {
		var c fasthttp.Cookie
		if c.ParseBytes(line) == nil && a.flows.Owns(string(c.Key())) && len(c.Value()) > 0 {
			problem = a.unfit(&c)
		}
	})
	return problem
}

func (a *Auth) unfit(c *fasthttp.Cookie) string {
	switch {
	case a.cfg.ResponseMode == FormPost && c.SameSite() != fasthttp.CookieSameSiteNoneMode:
		return "is not SameSite=None"
	case c.SameSite() == fasthttp.CookieSameSiteStrictMode:
		return "is SameSite=Strict"
	case a.cfg.secure && !c.Secure():
		return "is not Secure"
	}
	return ""
}
