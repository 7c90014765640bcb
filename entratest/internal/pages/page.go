// Package pages renders the pages of the sign-in service.
package pages

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"
	"net/url"
	"strconv"

	"github.com/fibermsal/fibermsal/entratest/internal/aadsts"
	"github.com/fibermsal/fibermsal/entratest/internal/ids"
)

//go:embed templates/*.html
var templateFiles embed.FS

var templates = template.Must(template.ParseFS(templateFiles, "templates/*.html"))

// Headers that identify a page for a browser without an HTML parser: its name and the number of its
// error.
const (
	NameHeader  = "X-Entratest-Page"
	ErrorHeader = "X-Entratest-Error"
)

// page is the data of the templates.
type page struct {
	Nonce   string // of script and style, for the content security policy
	Title   string
	Tenant  string
	Action  string // the form's target
	Request string // the authorization request, carried by the form
	Fields  []field
	People  []Person
	User    Person
	Scopes  []string
	Code    int
	Text    string
	Target  string
	Admin   bool     // consent is for all users
	Frames  []string // to be loaded unseen
}

type field struct{ Name, Value string }

func fields(v url.Values, names ...string) []field {
	var out []field
	for _, name := range names {
		if v.Has(name) {
			out = append(out, field{name, v.Get(name)})
		}
	}
	return out
}

// Form contains the fields that a page sends together with the user's choice.
type Form struct {
	Action string     // the form's target
	Params url.Values // the authorization request
}

// Writer writes pages.
type Writer struct {
	TenantID    string
	FrameOrigin string // of the hidden frames of the pages after a logout; empty for none
}

// write renders a page. The policy allows no script except the one that submits the form_post answer, and
// has no form-action, because forms lead to the app, also by way of a redirect.
func (p *Writer) write(w http.ResponseWriter, name string, status int, data page) {
	data.Nonce, data.Tenant = ids.Text(22), p.TenantID
	var html bytes.Buffer
	if err := templates.ExecuteTemplate(&html, name+".html", data); err != nil {
		panic("entratest: " + err.Error()) // the templates are embedded and rendered in the tests
	}
	h := w.Header()
	aadsts.PageHeaders(h)
	h.Set(NameHeader, name)
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "strict-origin-when-cross-origin")
	policy := "default-src 'none'; img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'; " +
		"script-src 'nonce-" + data.Nonce + "'; style-src 'nonce-" + data.Nonce + "'"
	if len(data.Frames) > 0 {
		policy += "; frame-src " + p.FrameOrigin
	}
	h.Set("Content-Security-Policy", policy)
	w.WriteHeader(status)
	_, _ = w.Write(html.Bytes()) // fails only if the browser has gone
}

// FormPost submits an authorization response to the app.
func (p *Writer) FormPost(w http.ResponseWriter, redirectURI string, v url.Values) {
	p.write(w, "form_post", http.StatusOK, page{
		Title: "Working...", Action: redirectURI,
		Fields: fields(v, "code", "error", "error_description", "error_subcode", "error_uri", "client_info", "state", "session_state"),
	})
}

// Error shows an error to the user.
func (p *Writer) Error(w http.ResponseWriter, r *http.Request, e *aadsts.Error) {
	w.Header().Set(ErrorHeader, strconv.Itoa(e.Code))
	p.write(w, "error", http.StatusBadRequest, page{
		Title: "Sorry, but we’re having trouble signing you in", Code: e.Code, Text: e.Describe(aadsts.NewTrace(r)),
	})
}
