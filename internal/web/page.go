package web

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // the pages
	"encoding/base64"
	"html/template"

	"github.com/fibermsal/fibermsal/internal/autherr"
)

// The library's own pages are plain: they have no script, load nothing, and contain nothing
// from a request (threat A10). The one about fragments is an exception.
var (
	//go:embed pages.html
	pagesSource string
	//go:embed pages.css
	pagesStyle string

	pages     = template.Must(template.New("pages").Parse(pagesSource))
	styleHash = sha256.Sum256([]byte(pagesStyle))
)

// Page is one of the library's pages, for Config.Pages to draw.
type Page struct {
	// Code is the Code of the [Error], or "confirm_sign_out" for the question whether to sign
	// out.
	Code string
	// Status is the HTTP status, which is already set.
	Status int
	// Message is one sentence. Detail says more, or is empty.
	Message, Detail string
	// CorrelationID is what an administrator finds in the log. It is empty for a question.
	CorrelationID string
	// SignInURL starts a sign-in that may help, and SignInText describes it. Both are empty if
	// none would help.
	SignInURL, SignInText string
	// SignOutURL is the target of the form, sent by POST, that signs out. It is set for the
	// question only.
	SignOutURL string
	// SignOutOrigin is where that POST finally leads: the origin of Entra's page, and after a space
	// that of Config.PostLogoutURL if it is another site's. A Content-Security-Policy must allow
	// them in form-action beside 'self', because Chromium applies form-action to redirects, too.
	SignOutOrigin string
	// HomeURL is the app's first page.
	HomeURL string
}

// codeConfirm is the Code of the question whether to sign out.
const codeConfirm = "confirm_sign_out"

// details are the texts that a page adds to the message of an error, by code.
var details = map[string]string{
	autherr.ConsentRequired.Code():  "You or an administrator of your organization must agree to it when signing in.",
	autherr.SignInLoop.Code():       "The page asked for a sign-in again and again, and each one succeeded.",
	autherr.ClaimsChallenge.Code():  "Your organization requires this to open the page or its data.",
	autherr.TenantNotAllowed.Code(): "You may be signed in to Microsoft with another account than you meant to use.",
}

// drawn returns the response with its page, if there is one, as HTML, or drawn by the app.
func (s *Site) drawn(r *Response) *Response {
	if r.page == nil {
		return r
	}
	if s.Pages != nil {
		page := *r.page
		r.ByApp = func(c any) error { return s.Pages(c, page) }
		return r
	}
	formAction := "'none'"
	if r.page.Code == codeConfirm {
		formAction = "'self' " + r.page.SignOutOrigin
	}
	var body bytes.Buffer
	err := pages.Execute(&body, struct {
		*Page
		Style template.CSS
	}{r.page, template.CSS(pagesStyle)}) //nolint:gosec // our own file
	if err != nil {
		panic(err) // strings and a number
	}
	r.Header.Set("Content-Security-Policy", "default-src 'none'; img-src data:; style-src 'sha256-"+
		base64.StdEncoding.EncodeToString(styleHash[:])+"'; form-action "+formAction+
		"; base-uri 'none'; frame-ancestors 'none'")
	r.Header.Set("Content-Type", "text/html; charset=utf-8")
	r.Body = body.Bytes()
	return r
}
