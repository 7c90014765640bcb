package entratest

import (
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// Response is an authorization response that a browser is about to carry to the app.
type Response struct {
	// Mode is "form_post", "query" or "fragment".
	Mode string
	// RedirectURI is where it goes.
	RedirectURI string
	// Values are its parameters: code, state, session_state, or error and its companions.
	// Change them to play an attacker.
	Values url.Values

	origin string // of the emulator's pages
}

// PageError is an error that Entra shows to the person and never to the app.
type PageError struct {
	Code        int    // the AADSTS number
	Description string // as the page shows it
}

// Error implements error.
func (e *PageError) Error() string { return "entratest: the sign-in page shows " + e.Description }

// SignIn is [Browser.SignIn] in a browser without a session.
func (s *Server) SignIn(authorizeURL, login string) (*Response, error) {
	return s.NewBrowser().SignIn(authorizeURL, login)
}

// Cancel is [Browser.Cancel] in a browser without a session.
func (s *Server) Cancel(authorizeURL string) (*Response, error) {
	return s.NewBrowser().Cancel(authorizeURL)
}

// Decline is [Browser.Decline] in a browser without a session.
func (s *Server) Decline(authorizeURL, login string) (*Response, error) {
	return s.NewBrowser().Decline(authorizeURL, login)
}

// Browser plays a browser whose session at the sign-in service lasts: for single sign-on, prompt=none,
// max_age, step-up and signing out. It carries nothing to the app; that is the caller's business. It is not
// safe for concurrent use.
type Browser struct {
	server  *Server
	cookies map[string]string
}

// NewBrowser makes a browser without a session.
func (s *Server) NewBrowser() *Browser { return &Browser{server: s, cookies: map[string]string{}} }

// SignIn opens the authorize URL, picks the account of login (object id, UPN or mail) if a page asks,
// approves, consents, and returns the authorization response without delivering it. If Entra would show an
// error page instead, the error is a [*PageError]. The admin consent endpoint's URL will do, too.
func (b *Browser) SignIn(authorizeURL, login string) (*Response, error) {
	return b.browse(authorizeURL, func(page string, form url.Values) error {
		switch page {
		case "accounts":
			form.Set("user", login)
		case "step-up":
			form.Set("action", "approve")
		case "consent":
			form.Set("action", "accept")
		default:
			return fmt.Errorf("entratest: met an unexpected page, %q", page)
		}
		return nil
	})
}

// Cancel is a user who presses Cancel on the first page.
func (b *Browser) Cancel(authorizeURL string) (*Response, error) {
	return b.browse(authorizeURL, func(_ string, form url.Values) error {
		form.Set("action", "cancel")
		return nil
	})
}

// Decline is SignIn by somebody who refuses consent. For somebody who has consented before, add
// prompt=consent to the URL.
func (b *Browser) Decline(authorizeURL, login string) (*Response, error) {
	return b.browse(authorizeURL, func(page string, form url.Values) error {
		switch page {
		case "consent":
			form.Set("action", "decline")
		case "step-up":
			form.Set("action", "approve")
		default:
			form.Set("user", login)
		}
		return nil
	})
}

// SignedOut is what a browser does that has signed out.
type SignedOut struct {
	// Frames are what the page's hidden frames ask the apps: front-channel requests, without any cookie.
	Frames []*http.Request
	// Target is where the browser goes after them; empty if people stay.
	Target string
}

// SignOut opens a logout URL, picks the account of login if a page asks, and returns what follows without
// doing it.
func (b *Browser) SignOut(logoutURL, login string) (*SignedOut, error) {
	start, err := url.Parse(logoutURL)
	if err != nil {
		return nil, fmt.Errorf("entratest: the logout URL: %w", err)
	}
	got, err := b.load(http.MethodGet, start, nil)
	if err == nil && got.page() == "pick-logout" {
		form := got.fields()
		form.Set("user", login)
		got, err = b.load(http.MethodPost, start, form)
	}
	if err != nil {
		return nil, err
	}
	if got.page() == "error" {
		return nil, got.pageError()
	}
	out := &SignedOut{Target: got.header.Get("Location")}
	if next := nextLink.FindStringSubmatch(got.body); next != nil {
		out.Target = html.UnescapeString(next[1])
	}
	for _, frame := range frameTag.FindAllStringSubmatch(got.body, -1) {
		out.Frames = append(out.Frames, b.frame(html.UnescapeString(frame[1])))
	}
	return out, nil
}

// frame is the request of a hidden frame of another site.
func (b *Browser) frame(target string) *http.Request {
	r, err := http.NewRequest(http.MethodGet, target, http.NoBody) //nolint:noctx // the caller sends it
	if err != nil {
		panic("entratest: " + err.Error()) // made of a URL that New has checked
	}
	r.Header.Set("Referer", b.server.browser+"/")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	r.Header.Set("Sec-Fetch-Mode", "navigate")
	r.Header.Set("Sec-Fetch-Dest", "iframe")
	return r
}

// browse opens the URL and fills in forms until there is an authorization response.
func (b *Browser) browse(authorizeURL string, fill func(page string, form url.Values) error) (*Response, error) {
	start, err := url.Parse(authorizeURL)
	if err != nil {
		return nil, fmt.Errorf("entratest: the authorize URL: %w", err)
	}
	shown, err := b.open(http.MethodGet, start, nil)
	for err == nil && shown.response == nil {
		form := shown.fields
		if err = fill(shown.name, form); err == nil {
			shown, err = b.open(http.MethodPost, start.ResolveReference(shown.action), form)
		}
	}
	if err != nil {
		return nil, err
	}
	return shown.response, nil
}

// shownPage is a page, or the authorization response that came in its place.
type shownPage struct {
	name     string
	action   *url.URL
	fields   url.Values
	response *Response
}

func (b *Browser) open(method string, u *url.URL, form url.Values) (*shownPage, error) {
	got, err := b.load(method, u, form)
	if err != nil {
		return nil, err
	}
	return b.read(got)
}

// loaded is an answer, read to its end.
type loaded struct {
	status int
	header http.Header
	body   string
}

func (l *loaded) page() string { return l.header.Get(PageHeader) }

// load sends a request, keeps the cookies and reads the body.
func (b *Browser) load(method string, u *url.URL, form url.Values) (*loaded, error) {
	r, err := http.NewRequest(method, u.String(), strings.NewReader(form.Encode())) //nolint:noctx // no socket, no wait
	if err != nil {
		return nil, fmt.Errorf("entratest: %w", err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for name, value := range b.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value}) //nolint:gosec // a request's cookie has no attributes
	}
	answer, err := inProcess{b.server}.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	defer func() { _ = answer.Body.Close() }() // in memory
	for _, c := range answer.Cookies() {
		if c.MaxAge < 0 {
			delete(b.cookies, c.Name)
			continue
		}
		b.cookies[c.Name] = c.Value
	}
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, fmt.Errorf("entratest: reading the page: %w", err)
	}
	return &loaded{answer.StatusCode, answer.Header, string(body)}, nil
}

var (
	formTag  = regexp.MustCompile(`<form [^>]*action="([^"]*)"`)
	inputTag = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`)
	alertTag = regexp.MustCompile(`<p role="alert"><code>([^<]*)`)
	nextLink = regexp.MustCompile(`<a id="next" href="([^"]*)"`)
	frameTag = regexp.MustCompile(`<iframe src="([^"]*)"`)
)

// read understands an answer of the sign-in service.
func (b *Browser) read(got *loaded) (*shownPage, error) {
	if location := got.header.Get("Location"); location != "" {
		response, err := b.server.redirected(location)
		return &shownPage{response: response}, err
	}
	shown := &shownPage{name: got.page(), fields: got.fields()}
	if shown.name == "error" {
		return nil, got.pageError()
	}
	form := formTag.FindStringSubmatch(got.body)
	if form == nil {
		return nil, fmt.Errorf("entratest: the sign-in page has no form; status %d", got.status)
	}
	action, err := url.Parse(html.UnescapeString(form[1]))
	if err != nil {
		return nil, fmt.Errorf("entratest: the form's address: %w", err)
	}
	shown.action = action
	if shown.name == "form_post" {
		shown.response = &Response{Mode: "form_post", RedirectURI: action.String(), Values: shown.fields, origin: b.server.browser}
	}
	return shown, nil
}

// fields are the hidden ones of the page's first form.
func (l *loaded) fields() url.Values {
	fields := url.Values{}
	first, _, _ := strings.Cut(l.body, "</form>")
	for _, input := range inputTag.FindAllStringSubmatch(first, -1) {
		fields.Set(html.UnescapeString(input[1]), html.UnescapeString(input[2]))
	}
	return fields
}

func (l *loaded) pageError() *PageError {
	e := &PageError{}
	e.Code, _ = strconv.Atoi(l.header.Get(errorHeader)) // our own header
	if alert := alertTag.FindStringSubmatch(l.body); alert != nil {
		e.Description = html.UnescapeString(alert[1])
	}
	return e
}

// redirected reads a response that came by redirect. What the registered URI has for a query of its own
// stays there.
func (s *Server) redirected(location string) (*Response, error) {
	u, err := url.Parse(location)
	if err != nil {
		return nil, fmt.Errorf("entratest: the redirect: %w", err)
	}
	response := &Response{Mode: "query", Values: u.Query(), origin: s.browser}
	if u.Fragment != "" {
		response.Mode = "fragment"
		response.Values, _ = url.ParseQuery(u.EscapedFragment()) // encoded by withParams
	}
	u.Fragment, u.RawFragment = "", ""
	own := url.Values{}
	if response.Mode == "query" {
		for name, values := range response.Values {
			if !responseParams[name] {
				own[name] = values
				delete(response.Values, name)
			}
		}
		u.RawQuery = own.Encode()
	}
	response.RedirectURI = u.String()
	return response, nil
}

var responseParams = map[string]bool{
	"code": true, "state": true, "session_state": true, "client_info": true,
	"error": true, "error_description": true, "error_subcode": true, "error_uri": true,
	"admin_consent": true, "tenant": true, "scope": true,
}

// Request is what the browser sends to the app: for form_post a cross-site POST, otherwise a navigation.
// Cookies are the caller's business. It suits fiber's app.Test and any http.Client.
func (r *Response) Request() *http.Request {
	method, target, body := http.MethodGet, r.RedirectURI, ""
	switch r.Mode {
	case "form_post":
		method, body = http.MethodPost, r.Values.Encode()
	case "query":
		target = withParams(r.RedirectURI, r.Values, false)
	}
	req, err := http.NewRequest(method, target, strings.NewReader(body)) //nolint:noctx // the caller sends it
	if err != nil {
		panic("entratest: " + err.Error()) // a RedirectURI that the test has broken
	}
	h, origin := req.Header, r.origin
	if origin == "" {
		origin = "https://login.entra.test"
	}
	if body == "" {
		req.Body, req.GetBody = http.NoBody, nil
	} else {
		h.Set("Content-Type", "application/x-www-form-urlencoded")
		h.Set("Origin", origin)
	}
	h.Set("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")
	h.Set("Referer", origin+"/")
	h.Set("Sec-Fetch-Site", "cross-site")
	h.Set("Sec-Fetch-Mode", "navigate")
	h.Set("Sec-Fetch-Dest", "document")
	return req
}
