package entratest

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"
)

//go:embed templates/*.html
var templateFiles embed.FS

var templates = template.Must(template.ParseFS(templateFiles, "templates/*.html"))

// PageHeader names the page of an HTML answer: accounts, step-up, consent, form_post, error, pick-logout,
// signing-out or signed-out. Real pages do not have it; it spares tests from reading HTML.
const PageHeader = "X-Entratest-Page"

const errorHeader = "X-Entratest-Error"

// maxListed is how many accounts the chooser shows; others type their name.
const maxListed = 50

// page is what the templates see.
type page struct {
	Nonce   string // of script and style, for the content security policy
	Title   string
	Tenant  string
	Action  string // where the form goes
	Request string // the authorization request, carried by the form
	Fields  []field
	People  []person
	User    person
	Scopes  []string
	Code    int
	Text    string
	Target  string
	Admin   bool     // consent is for everybody
	Frames  []string // to be loaded unseen
}

type field struct{ Name, Value string }

// person is an account as a page shows it.
type person struct {
	ID, Name, Login, Initials string
	Photo                     string // URL; empty for initials
	SignedIn, Hinted, Guest   bool
}

// show renders a page. The policy lets no script run but the one that submits the form_post answer, and
// has no form-action: forms lead to the app, also by way of a redirect.
func (s *Server) show(w http.ResponseWriter, name string, status int, p page) {
	p.Nonce, p.Tenant = randomText(22), s.TenantID
	var html bytes.Buffer
	if err := templates.ExecuteTemplate(&html, name+".html", p); err != nil {
		panic("entratest: " + err.Error()) // the templates are embedded and rendered in the tests
	}
	h := w.Header()
	entraHeaders(h, trace{id: newGUID()})
	h.Set(PageHeader, name)
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "strict-origin-when-cross-origin")
	policy := "default-src 'none'; img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'; " +
		"script-src 'nonce-" + p.Nonce + "'; style-src 'nonce-" + p.Nonce + "'"
	if len(p.Frames) > 0 {
		policy += "; frame-src " + originOf(s.settings.frontChannel)
	}
	h.Set("Content-Security-Policy", policy)
	w.WriteHeader(status)
	_, _ = w.Write(html.Bytes()) // the browser has gone; there is nobody to tell
}

func (s *Server) showAccounts(w http.ResponseWriter, req *authRequest, signedIn []*ssoAccount) {
	p := page{Title: "Pick an account", Action: req.action, Request: req.params.Encode()}
	here := map[*account]bool{}
	for _, one := range signedIn {
		here[one.account] = true
	}
	for _, a := range listed(req, signedIn) {
		who := describe(a)
		who.SignedIn, who.Hinted = here[a], a == req.hint
		p.People = append(p.People, who)
	}
	s.show(w, "accounts", http.StatusOK, p)
}

// listed orders the chooser: the hinted account, those signed in, the rest.
func listed(req *authRequest, signedIn []*ssoAccount) []*account {
	var list []*account
	seen := map[*account]bool{}
	add := func(a *account) {
		if a != nil && !seen[a] && len(list) < maxListed && req.ofDomain(a) {
			seen[a] = true
			list = append(list, a)
		}
	}
	add(req.hint)
	for _, one := range signedIn {
		add(one.account)
	}
	for _, t := range req.tenants {
		for _, a := range t.accounts {
			add(a)
		}
	}
	return list
}

func describe(a *account) person {
	p := person{
		ID: a.ID, Name: a.DisplayName, Login: a.UPN, Guest: a.IsGuest(),
		Initials: initials(a.User),
	}
	if p.Name == "" {
		p.Name = a.UPN
	}
	if a.IsGuest() && a.Mail != "" {
		p.Login = a.Mail
	}
	if a.Photo != nil {
		p.Photo = "/emulator/photo/" + a.ID
	}
	return p
}

func initials(u User) string {
	name := u.GivenName + " " + u.Surname
	if strings.TrimSpace(name) == "" {
		name = u.DisplayName + " " + u.UPN
	}
	out := ""
	for _, word := range strings.Fields(name) {
		if r, _ := utf8.DecodeRuneInString(word); len(out) < 2 {
			out += strings.ToUpper(string(r))
		}
	}
	return out
}

// friendly are the words of the consent page.
var friendly = map[string]string{
	"openid":         "Sign you in",
	"profile":        "View your basic profile",
	"email":          "View your email address",
	"offline_access": "Maintain access to data you have given it access to",
	"User.Read":      "Sign you in and read your profile",
	"User.Read.All":  "Read all users' full profiles",
	"Mail.Read":      "Read your mail",
	"Mail.Send":      "Send mail as you",
	"Calendars.Read": "Read your calendars",
	"Files.Read":     "Read your files",
}

func (s *Server) showConsent(w http.ResponseWriter, req *authRequest, a *account) {
	p := page{Title: "Permissions requested", Action: req.action, Request: req.params.Encode(), User: describe(a), Admin: req.admin}
	for _, sc := range s.scopes.expand(req.scopes) {
		words := friendly[sc.name]
		if words == "" {
			words = sc.name
		}
		p.Scopes = append(p.Scopes, words)
	}
	s.show(w, "consent", http.StatusOK, p)
}

// showStepUp asks for what the authentication contexts demand, whatever that may be.
func (s *Server) showStepUp(w http.ResponseWriter, req *authRequest, a *account, contexts []string) {
	s.show(w, "step-up", http.StatusOK, page{
		Title: "Verify your identity", Action: req.action, Request: req.params.Encode(), User: describe(a), Scopes: contexts,
	})
}

func (s *Server) showFormPost(w http.ResponseWriter, redirectURI string, v url.Values) {
	p := page{Title: "Working...", Action: redirectURI}
	for _, name := range []string{"code", "error", "error_description", "error_subcode", "error_uri", "client_info", "state", "session_state"} {
		if v.Has(name) {
			p.Fields = append(p.Fields, field{name, v.Get(name)})
		}
	}
	s.show(w, "form_post", http.StatusOK, p)
}

func (s *Server) showError(w http.ResponseWriter, r *http.Request, e *aadError) {
	w.Header().Set(errorHeader, strconv.Itoa(e.code))
	s.show(w, "error", http.StatusBadRequest, page{
		Title: "Sorry, but we’re having trouble signing you in", Code: e.code, Text: e.describe(newTrace(r)),
	})
}

func (s *Server) showLogoutPicker(w http.ResponseWriter, segment string, params url.Values, signedIn []*ssoAccount) {
	p := page{Title: "Pick an account to sign out", Action: "/" + segment + "/oauth2/v2.0/logout"}
	for _, name := range []string{"post_logout_redirect_uri", "state"} {
		if params.Has(name) {
			p.Fields = append(p.Fields, field{name, params.Get(name)})
		}
	}
	for _, one := range signedIn {
		p.People = append(p.People, describe(one.account))
	}
	s.show(w, "pick-logout", http.StatusOK, p)
}

func (s *Server) showSignedOut(w http.ResponseWriter, refused string, frames []string) {
	s.show(w, "signed-out", http.StatusOK, page{Title: "You signed out of your account", Target: refused, Frames: frames})
}

// servePortrait shows the pictures of the chooser, without the token that Graph wants.
func (s *Server) servePortrait(w http.ResponseWriter, r *http.Request, id string) {
	a := find(id, s.directory.tenants)
	if a == nil || a.Photo == nil {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "image/jpeg")
	w.Header().Set("Cache-Control", "private, max-age=3600")
	_, _ = w.Write(resized(a.Photo, 96)) // the browser has gone; there is nobody to tell
}
