package entratest

import (
	"fmt"
	"net/http"
	"net/url"

	"github.com/fibermsal/fibermsal/entratest/internal/origins"
	"github.com/fibermsal/fibermsal/entratest/internal/useragent"
)

// PageHeader names the page of an HTML answer: accounts, step-up, consent, form_post, error, pick-logout,
// signing-out or signed-out. Real pages do not have it; with it tests need not parse HTML.
const PageHeader = "X-Entratest-Page"

// PageError is an error that Entra shows to the user and never to the app.
type PageError struct {
	Code        int    // the AADSTS number
	Description string // as the page shows it
}

// Error implements error.
func (e *PageError) Error() string { return "entratest: the sign-in page shows " + e.Description }

// Browser is a browser whose session at the sign-in service lasts: for single sign-on, prompt=none, max_age,
// step-up and signing out. It delivers nothing to the app; that is left to the caller. It is not safe for
// concurrent use.
type Browser struct {
	agent   *useragent.Agent
	origins *origins.Origins
}

// SignIn opens the authorize URL, picks the account of login (object id, UPN or mail) if a page asks,
// approves, consents, and returns the authorization response without delivering it. If Entra would show an
// error page instead, the error is a [*PageError]. The URL may also be that of the admin consent endpoint.
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

// Decline is SignIn by a user who refuses consent. For a user who has consented before, add prompt=consent to
// the URL.
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

// browse opens the URL and fills in forms until there is an authorization response.
func (b *Browser) browse(authorizeURL string, fill func(page string, form url.Values) error) (*Response, error) {
	address, err := url.Parse(authorizeURL)
	if err != nil {
		return nil, fmt.Errorf("entratest: the authorize URL: %w", err)
	}
	method, form := http.MethodGet, url.Values(nil)
	for {
		page, err := b.agent.Load(method, address, form)
		if err != nil {
			return nil, err
		}
		switch {
		case page.Location() != "":
			return redirected(page.Location(), b.origins.Browser)
		case page.Name() == "error":
			return nil, newPageError(page)
		}
		action, err := page.Action()
		if err != nil {
			return nil, err
		}
		form = page.Fields()
		if page.Name() == "form_post" {
			return &Response{Mode: "form_post", RedirectURI: action.String(), Values: form, origin: b.origins.Browser}, nil
		}
		if err := fill(page.Name(), form); err != nil {
			return nil, err
		}
		method, address = http.MethodPost, address.ResolveReference(action)
	}
}

func newPageError(page *useragent.Page) *PageError {
	code, description := page.Failure()
	return &PageError{Code: code, Description: description}
}
