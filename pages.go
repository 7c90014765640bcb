package fibermsal

import (
	"crypto/sha256"
	_ "embed" // the pages
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"html/template"
	"io"
	"net/url"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal/internal/returnto"
)

// The library's own pages are plain: no script, nothing loaded, nothing a request
// said (threat A10).
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
	// Code is the [Error]'s, or "confirm_sign_out" for the question whether to sign
	// out.
	Code string
	// Status is the HTTP status, which is set already.
	Status int
	// Message is one sentence, Detail what else there is to say, or empty.
	Message, Detail string
	// CorrelationID is what an administrator finds in the log, empty for a question.
	CorrelationID string
	// SignInURL starts a sign-in that may help, and SignInText says which; both are
	// empty where none would.
	SignInURL, SignInText string
	// SignOutURL takes the POST of a form that signs out; only for the question.
	SignOutURL string
	// SignOutOrigin is where that POST leads in the end, which a
	// Content-Security-Policy's form-action must name beside 'self': Chromium applies
	// it to redirects, too.
	SignOutOrigin string
	// HomeURL is the app's first page.
	HomeURL string
}

const codeConfirm = "confirm_sign_out"

// details are what a page says beside the error's sentence.
var details = map[string]string{
	ErrConsentRequired.Code: "You or an administrator of your organization must agree to it when signing in.",
	errSignInLoop.Code:      "The page asked for a sign-in again and again, and each one succeeded.",
	ErrClaimsChallenge.Code: "Your organization wants this for the page or the data behind it.",
	"tenant_not_allowed":    "You may be signed in to Microsoft with another account than you meant to use.",
}

const mimeProblem = "application/problem+json"

// problem is RFC 9457's body with our additions.
type problem struct {
	Type          string `json:"type"`
	Title         string `json:"title"`
	Status        int    `json:"status"`
	Code          string `json:"code"`
	CorrelationID string `json:"correlation_id"`
	LoginURL      string `json:"login_url,omitempty"`
}

// writeProblem answers an error: a page for who reads pages, JSON for programs.
func (a *Auth) writeProblem(c *fiber.Ctx, e *Error) error {
	protect(c)
	c.Status(e.Status)
	login := a.mend(c, e)
	if acceptsHTML(c) {
		return a.writePage(c, Page{
			Code: e.Code, Status: e.Status, Message: e.Message, Detail: details[e.Code],
			CorrelationID: e.CorrelationID, SignInURL: login, SignInText: signInText(requestOf(c).session, e), HomeURL: returnto.Home,
		}.mended(e))
	}
	p := problem{Type: "about:blank", Title: e.Message, Status: e.Status, Code: e.Code, CorrelationID: e.CorrelationID}
	if e.interactive() {
		p.LoginURL = login
	}
	body, err := json.Marshal(p)
	if err != nil {
		return err
	}
	c.Set(fiber.HeaderContentType, mimeProblem)
	return c.Send(body)
}

// signInText is what a sign-in would do about an error.
func signInText(s *session, e *Error) string {
	if s != nil && !e.interactive() {
		return "Use another account"
	}
	return "Sign in"
}

// mended leaves out a sign-in that has been seen not to help, and calms who cancelled.
func (p Page) mended(e *Error) Page {
	switch {
	case errors.Is(e, errSignInLoop):
		p.SignInURL, p.SignInText = "", ""
	case e.Reason == reasonCancelled:
		p.Detail = "Nothing has changed."
	}
	return p
}

// writeConfirmation asks whether to sign out. A navigation gets the page as an
// answer, anything else as a refusal.
func (a *Auth) writeConfirmation(c *fiber.Ctx) error {
	status := fiber.StatusOK
	if !isNavigation(c) {
		status = fiber.StatusForbidden
	}
	return a.writePage(c.Status(status), Page{
		Code: codeConfirm, Status: status, Message: "Do you want to sign out?",
		SignOutURL: a.cfg.RoutePrefix + logoutPath, SignOutOrigin: a.signOutOrigin(c), HomeURL: returnto.Home,
	})
}

// writePage draws a page: the app's way, or plainly.
func (a *Auth) writePage(c *fiber.Ctx, p Page) error {
	protect(c)
	if a.cfg.Pages != nil {
		return a.cfg.Pages(c, p)
	}
	formAction := "'none'"
	if p.Code == codeConfirm {
		formAction = "'self' " + p.SignOutOrigin
	}
	c.Set(fiber.HeaderContentSecurityPolicy, "default-src 'none'; img-src data:; style-src 'sha256-"+
		base64.StdEncoding.EncodeToString(styleHash[:])+"'; form-action "+formAction+
		"; base-uri 'none'; frame-ancestors 'none'")
	c.Set(fiber.HeaderContentType, fiber.MIMETextHTMLCharsetUTF8)
	return pages.Execute(c.Response().BodyWriter(), struct {
		Page
		Style template.CSS
	}{p, template.CSS(pagesStyle)}) //nolint:gosec // our own file
}

func (a *Auth) signOutOrigin(c *fiber.Ctx) string {
	u, err := url.Parse(a.endSessionURL(c, nil))
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// correlationID joins what a user reads with the line in the log.
func correlationID(random io.Reader) string {
	raw := make([]byte, 8)
	if _, err := io.ReadFull(random, raw); err != nil {
		return "unavailable"
	}
	return hex.EncodeToString(raw)
}
