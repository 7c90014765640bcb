package entratest

import (
	"fmt"
	"net/http"
	"net/url"

	"github.com/fibermsal/fibermsal/entratest/internal/origins"
	"github.com/fibermsal/fibermsal/entratest/internal/useragent"
)

// PageHeader is the response header with the name of the HTML page: accounts, step-up, consent,
// form_post, error, pick-logout, signing-out or signed-out. Entra's pages do not have it. With it,
// tests need not parse HTML.
const PageHeader = "X-Entratest-Page"

// PageError is an error that Entra shows to the user and never to the app.
type PageError struct {
	Code        int    // the AADSTS number
	Description string // as the page shows it
}

// Error implements error.
func (e *PageError) Error() string { return "entratest: the sign-in page shows " + e.Description }

// Browser simulates a browser that keeps its session at the sign-in service, to test single sign-on,
// prompt=none, max_age, step-up and sign-out. It does not send anything to the app; the caller delivers
// the responses. It is not safe for concurrent use.
type Browser struct {
	agent   *useragent.Agent
	origins *origins.Origins
}

// SignIn opens the authorize URL, selects the account of login (object ID, UPN or mail) if a page asks,
// approves, consents, and returns the authorization response without delivering it. If Entra would show
// an error page, the error is a [*PageError]. The URL may also be that of the admin consent endpoint.
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

// Cancel simulates a user who presses Cancel on the first page.
func (b *Browser) Cancel(authorizeURL string) (*Response, error) {
	return b.browse(authorizeURL, func(_ string, form url.Values) error {
		form.Set("action", "cancel")
		return nil
	})
}

// Decline is like SignIn, but for a user who refuses consent. If the user has consented before, add
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
