package pages

import (
	"net/http"

	"github.com/fibermsal/fibermsal/entratest/internal/scopes"
)

// Accounts asks which account to sign in with.
func (p *Writer) Accounts(w http.ResponseWriter, form Form, people []Person) {
	p.write(w, "accounts", http.StatusOK, page{
		Title: "Pick an account", Action: form.Action, Request: form.Params.Encode(), People: people,
	})
}

// StepUp asks for the factors that the authentication contexts require.
func (p *Writer) StepUp(w http.ResponseWriter, form Form, user Person, contexts []string) {
	p.write(w, "step-up", http.StatusOK, page{
		Title: "Verify your identity", Action: form.Action, Request: form.Params.Encode(), User: user, Scopes: contexts,
	})
}

// Consent asks for consent to the scopes, for an administrator on behalf of all users.
func (p *Writer) Consent(w http.ResponseWriter, form Form, user Person, list []scopes.Scope, admin bool) {
	data := page{Title: "Permissions requested", Action: form.Action, Request: form.Params.Encode(), User: user, Admin: admin}
	for _, sc := range list {
		words := friendly[sc.Name]
		if words == "" {
			words = sc.Name
		}
		data.Scopes = append(data.Scopes, words)
	}
	p.write(w, "consent", http.StatusOK, data)
}

// friendly contains the descriptions of scopes on the consent page.
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
