package fibermsal

import (
	"crypto/sha256"
	_ "embed" // the pages
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
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

// page is what a page shows.
type page struct {
	Style         template.CSS
	Message       string
	CorrelationID string
	LoginURL      string
	LogoutURL     string
	HomeURL       string
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
		return writePage(c, "problem", "'none'", page{Message: e.Message, CorrelationID: e.CorrelationID, LoginURL: login, HomeURL: returnto.Home})
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

// writeConfirmation asks whether to sign out. A navigation gets the page as an
// answer, anything else as a refusal.
func (a *Auth) writeConfirmation(c *fiber.Ctx) error {
	if !isNavigation(c) {
		c.Status(fiber.StatusForbidden)
	}
	// Chromium applies form-action to the redirect after a POST as well, so it
	// must name where signing out leads.
	return writePage(c, "confirm", "'self' "+a.signOutOrigin(c), page{LogoutURL: a.cfg.RoutePrefix + logoutPath, HomeURL: returnto.Home})
}

func writePage(c *fiber.Ctx, name, formAction string, p page) error {
	protect(c)
	c.Set(fiber.HeaderContentSecurityPolicy, "default-src 'none'; img-src data:; style-src 'sha256-"+
		base64.StdEncoding.EncodeToString(styleHash[:])+"'; form-action "+formAction+
		"; base-uri 'none'; frame-ancestors 'none'")
	c.Set(fiber.HeaderContentType, fiber.MIMETextHTMLCharsetUTF8)
	p.Style = template.CSS(pagesStyle) //nolint:gosec // our own file
	return pages.ExecuteTemplate(c.Response().BodyWriter(), name, p)
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
