package doctor

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/fibermsal/fibermsal/internal/flight"
	"github.com/fibermsal/fibermsal/internal/web"
)

// login requests the app's login route as a browser would, and checks whether the middlewares in front
// of it leave the response intact.
func (d *diagnosis) login(context.Context) []Finding {
	if d.App == nil {
		return nil
	}
	path := d.RoutePrefix + web.LoginPath
	response, err := d.App.navigate(d.PublicURL + path + "?" + web.FragmentParameter + "=none") // skips the page of KeepFragment
	if err == nil {
		err = d.checkRedirect(response)
	}
	if err != nil {
		return []Finding{{
			Severity: SeverityError, Code: "login_route",
			What: "GET " + path + " of the app does not begin a sign-in: " + err.Error(),
			Why:  "nobody can sign in",
			Fix:  "mount the routes by RegisterRoutes, behind the middleware and in front of anything that refuses or catches these requests; an API that signs nobody in needs none",
		}}
	}
	if err := d.checkCookie(response); err != nil {
		return []Finding{{
			Severity: SeverityError, Code: "login_cookie",
			What: "the cookie of a sign-in " + err.Error(),
			Why:  fmt.Sprintf("with %s the browser does not send it with Entra's answer, which is then refused", d.Flow.ResponseMode),
			Fix:  "let no middleware and no proxy change Set-Cookie of the routes below " + d.RoutePrefix,
		}}
	}
	return []Finding{ok("login_route", "the app's login route begins a sign-in, and browsers will return its cookie")}
}

// appResponse is a response of an app, without its body.
type appResponse struct {
	status int
	header http.Header
}

// navigate returns the app's response to a browser's navigation.
func (a *App) navigate(address string) (response appResponse, err error) {
	header := http.Header{"Accept": {"text/html"}, "X-Forwarded-Proto": {"https"}, "User-Agent": {"fibermsal-doctor"}}
	err = flight.Caught(func() error {
		response.status, response.header = a.Get(address, header)
		return nil
	})
	if err != nil {
		return appResponse{}, errors.New("the app panics") // the panic's value may be a secret
	}
	return response, nil
}

// checkRedirect returns an error if a response does not redirect to Entra with this app's redirect URI.
func (d *diagnosis) checkRedirect(response appResponse) error {
	if response.status != http.StatusSeeOther {
		return fmt.Errorf("the answer is %d", response.status)
	}
	u, err := url.Parse(response.header.Get("Location"))
	if err != nil || u.Query().Get("client_id") != d.Authority.ClientID {
		return errors.New("the browser is sent elsewhere")
	}
	if u.Query().Get("redirect_uri") != d.Authority.RedirectURI {
		return errors.New("it belongs to another Config, with another PublicURL or RoutePrefix")
	}
	return nil
}

// checkCookie returns an error if a browser will not return the sign-in's cookie.
func (d *diagnosis) checkCookie(response appResponse) error {
	err := errors.New("is not set")
	parsed := http.Response{Header: response.header}
	for _, c := range parsed.Cookies() {
		if d.Flow.Jar.BrowserName() == c.Name && c.Value != "" {
			err = d.checkAttributes(c)
		}
	}
	return err
}

func (d *diagnosis) checkAttributes(c *http.Cookie) error {
	switch {
	case d.Flow.ResponseMode == formPost && c.SameSite != http.SameSiteNoneMode:
		return errors.New("is not SameSite=None")
	case c.SameSite == http.SameSiteStrictMode:
		return errors.New("is SameSite=Strict")
	case d.SecureCookies && !c.Secure:
		return errors.New("is not Secure")
	}
	return nil
}
