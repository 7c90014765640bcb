package entratest

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"

	"github.com/fibermsal/fibermsal/entratest/internal/origins"
)

// Visitor simulates a user whose browser visits the app under test, and the emulator if the app
// redirects there. Like a browser, it keeps the cookies of both and follows redirects. [SignInTo]
// returns one. It is not safe for concurrent use.
type Visitor struct {
	// Page is the last response of the sign-in, normally the requested page.
	Page *http.Response

	send     func(*http.Request) (*http.Response, error)
	login    string
	base     *url.URL // of the app
	emulator *origins.Origins
	browser  *Browser
	cookies  *cookiejar.Jar
	entered  bool // the emulator has signed the user in
}

// SignInTo opens a page of the app under test, signs the user in when the app redirects to the
// emulator, and returns the visitor with the page. login is the user's object ID, UPN or mail address.
// The page must require a sign-in, and the app must use the origin of the first redirect URI
// ([WithRedirectURI]). test is app.Test of Fiber v2 or v3, [Handler] for an http.Handler, or [Client]
// for an app that listens on a network address:
//
//	visitor, err := entratest.SignInTo(idp, app.Test, "/hello", "AdeleV@contoso.com")
//
// Fiber's default timeout of one second for app.Test does not apply. If Entra would show an error page,
// the error is a [*PageError].
func SignInTo[O any](s *Server, test func(*http.Request, ...O) (*http.Response, error), path, login string) (*Visitor, error) {
	base, err := url.Parse(slices.Concat(s.parts.app.RedirectURIs, s.parts.app.SPAURIs)[0])
	if err != nil {
		return nil, fmt.Errorf("entratest: the redirect URI: %w", err)
	}
	cookies, err := cookiejar.New(nil)
	if err != nil {
		return nil, fmt.Errorf("entratest: %w", err)
	}
	options := withoutTimeout[O]()
	v := &Visitor{
		login: login, base: base, emulator: s.parts.origins, browser: s.NewBrowser(), cookies: cookies,
		send: func(r *http.Request) (*http.Response, error) { return test(r, options) },
	}
	page, err := v.Get(path) //nolint:bodyclose // it is the caller's
	if err != nil {
		return nil, err
	}
	v.Page = page
	if !v.entered {
		return nil, errors.Join(fmt.Errorf("entratest: %s led to no sign-in: status %d", path, v.Page.StatusCode), v.Page.Body.Close())
	}
	return v, nil
}

// withoutTimeout returns the option that turns off the timeout of Fiber's app.Test: -1 in v2, the zero
// TestConfig in v3.
func withoutTimeout[O any]() O {
	var option O
	if milliseconds, ok := any(&option).(*int); ok {
		*milliseconds = -1
	}
	return option
}

// Get opens a page of the app, by path or URL. See [Visitor.Do].
func (v *Visitor) Get(path string) (*http.Response, error) {
	r, err := http.NewRequest(http.MethodGet, path, http.NoBody) //nolint:noctx // in memory, or the caller's client limits it
	if err != nil {
		return nil, fmt.Errorf("entratest: %w", err)
	}
	return v.Do(r)
}

// maxRedirects is the limit of browsers.
const maxRedirects = 20

// Do sends a request to the app with the visitor's cookies and follows redirects, including those to
// the emulator. The URL may be just a path. A redirect to another site is returned and not followed.
func (v *Visitor) Do(r *http.Request) (*http.Response, error) {
	r = v.navigation(r)
	for range maxRedirects {
		answer, err := v.send(r)
		if err != nil {
			return nil, err
		}
		v.cookies.SetCookies(secure(r.URL), answer.Cookies())
		next, err := v.follow(r, answer)
		if next == nil || err != nil {
			return answer, err
		}
		if err := answer.Body.Close(); err != nil {
			return nil, fmt.Errorf("entratest: %w", err)
		}
		r = v.navigation(next)
	}
	return nil, fmt.Errorf("entratest: %s ends a chain of %d redirects", r.URL, maxRedirects)
}

// navigation adds the headers and cookies that a browser sends.
func (v *Visitor) navigation(r *http.Request) *http.Request {
	r = r.Clone(r.Context())
	r.URL = v.base.ResolveReference(r.URL)
	r.Host, r.RequestURI = r.URL.Host, ""
	defaults := map[string]string{
		"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "Sec-Fetch-Site": "same-origin",
		"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document",
	}
	for name, value := range defaults {
		if r.Header.Get(name) == "" {
			r.Header.Set(name, value)
		}
	}
	for _, cookie := range v.cookies.Cookies(secure(r.URL)) {
		r.AddCookie(cookie)
	}
	return r
}

// secure returns the URL under which the cookies of a URL are kept. It is https, because browsers also
// send Secure cookies to localhost over http.
func secure(u *url.URL) *url.URL {
	out := *u
	out.Scheme = "https"
	return &out
}

// follow returns the request to which a response redirects, or nil if it does not.
func (v *Visitor) follow(r *http.Request, answer *http.Response) (*http.Request, error) {
	location := answer.Header.Get("Location")
	if location == "" || answer.StatusCode < 300 || answer.StatusCode > 399 {
		return nil, nil //nolint:nilnil // the page is what there is
	}
	target, err := r.URL.Parse(location)
	if err != nil {
		return nil, fmt.Errorf("entratest: the redirect to %q: %w", location, err)
	}
	origin := target.Scheme + "://" + target.Host
	switch {
	case origin == v.emulator.Login, origin == v.emulator.Browser:
		return v.visitEmulator(target)
	case target.Host != v.base.Host:
		return nil, nil //nolint:nilnil // another site
	}
	keeps := []int{http.StatusTemporaryRedirect, http.StatusPermanentRedirect}
	if !slices.Contains(keeps, answer.StatusCode) || r.GetBody == nil {
		return http.NewRequestWithContext(r.Context(), http.MethodGet, target.String(), http.NoBody)
	}
	body, err := r.GetBody()
	if err != nil {
		return nil, fmt.Errorf("entratest: %w", err)
	}
	next := r.Clone(r.Context())
	next.URL, next.Body = target, body
	next.Header.Del("Cookie")
	return next, nil
}

// visitEmulator signs in or out, and returns the request that the browser then makes to the app.
func (v *Visitor) visitEmulator(target *url.URL) (*http.Request, error) {
	if strings.HasSuffix(target.Path, "/logout") {
		out, err := v.browser.SignOut(target.String(), v.login)
		if err != nil || out.Target == "" {
			return nil, err
		}
		return http.NewRequest(http.MethodGet, out.Target, http.NoBody) //nolint:noctx // as in Get
	}
	response, err := v.browser.SignIn(target.String(), v.login)
	if err != nil {
		return nil, err
	}
	v.entered = v.entered || response.Values.Get("error") == ""
	return response.Request(), nil
}

// Cookies returns the cookies that the visitor would send to the app.
func (v *Visitor) Cookies() []*http.Cookie { return v.cookies.Cookies(secure(v.base)) }
