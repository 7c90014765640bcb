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

// login requests the app's login route as a browser does, and checks what the middlewares in
// front of it left of the answer.
func (d *diagnosis) login(context.Context) []Finding {
	if d.App == nil {
		return nil
	}
	path := d.RoutePrefix + web.LoginPath
	response, err := d.App.get(d.PublicURL + path)
	if err == nil {
		err = d.checkRedirect(response)
	}
	if err != nil {
		return []Finding{{
			Severity: SeverityError, Code: "login_route",
			What: "GET " + path + " of the app does not begin a sign-in: " + err.Error(),
			Why:  "nobody can sign in",
			Fix:  "mount the routes by RegisterRoutes, behind the middleware and in front of anything that refuses or catches these requests",
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

// get returns the app's response to a browser's navigation, without a body.
func (a *App) get(address string) (response *http.Response, err error) {
	header := http.Header{"Accept": {"text/html"}, "X-Forwarded-Proto": {"https"}, "User-Agent": {"fibermsal-doctor"}}
	err = flight.Caught(func() error {
		response = new(http.Response)
		response.StatusCode, response.Header = a.Get(address, header)
		return nil
	})
	if err != nil {
		return nil, errors.New("the app panics") // the panic's value may be anything
	}
	return response, nil
}

// checkRedirect returns an error if a response does not lead to Entra and back here.
func (d *diagnosis) checkRedirect(response *http.Response) error {
	if response.StatusCode != http.StatusSeeOther {
		return fmt.Errorf("the answer is %d", response.StatusCode)
	}
	u, err := url.Parse(response.Header.Get("Location"))
	if err != nil || u.Query().Get("client_id") != d.Authority.ClientID {
		return errors.New("the browser is sent elsewhere")
	}
	if u.Query().Get("redirect_uri") != d.Authority.RedirectURI {
		return errors.New("it belongs to another Config, with another PublicURL or RoutePrefix")
	}
	return nil
}

// checkCookie returns an error if a browser will not return the sign-in's cookie.
func (d *diagnosis) checkCookie(response *http.Response) error {
	err := errors.New("is not set")
	for _, c := range response.Cookies() {
		if d.Flow.Jar.Owns(c.Name) && c.Value != "" {
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
