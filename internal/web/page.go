package web

import "github.com/fibermsal/fibermsal/internal/phrases"

// Page is one of the library's pages, for Config.Pages to render.
type Page struct {
	// Code is the Code of the [Error], "confirm_sign_out" for the question whether to sign out, or
	// "admin_consent" for the page that an administrator sees after being asked for consent.
	Code string
	// Status is the HTTP status. It is already set on the response.
	Status int
	// Language is the BCP 47 tag of the language of the texts: de, en, es, fr, ja, pt-BR or zh-Hans,
	// selected by the request's Accept-Language.
	Language string
	// Message is one sentence. Detail contains more information, or is empty.
	Message, Detail string
	// CorrelationID identifies the line in the log for an administrator, and CorrelationText introduces
	// it. Both are empty for a question and for granted consent.
	CorrelationID, CorrelationText string
	// SignInURL starts a sign-in that may help, and SignInText is the text of the link. Both are empty
	// if a sign-in would not help.
	SignInURL, SignInText string
	// RetryURL repeats what has failed, because waiting may help: it opens the page, the page of the
	// form, the sign-in or the sign-out again. It is set only after a failure of the app, its storage
	// or Entra that a link can repeat, and never together with SignInURL. RetryText is the text of the
	// link.
	RetryURL, RetryText string
	// SignOutURL is the target of the form that signs out, which must be sent with POST, and
	// SignOutText is the text of its button. They are set for the question only.
	SignOutURL, SignOutText string
	// SignOutOrigin contains the origins to which that POST redirects: the origin of Entra's page and,
	// separated by a space, that of Config.PostLogoutURL if it belongs to another site. A
	// Content-Security-Policy must allow them in form-action in addition to 'self', because Chromium
	// also applies form-action to redirects.
	SignOutOrigin string
	// HomeURL is the app's home page, and HomeText is the text of the link. For the question, the link
	// means no.
	HomeURL, HomeText string

	language *phrases.Language // of Language
	value    string            // in the Detail, possibly with another writing direction, or ""
}

// newPage returns a page in the language of a request, with a link to the home page at home.
func newPage(in *Request, home, code string, status int) *Page {
	l := in.language()
	return &Page{
		Code: code, Status: status, Language: l.Tag, language: l,
		HomeURL: home, HomeText: l.Text(phrases.HomePageButton),
	}
}

// refer sets the correlation ID for an administrator.
func (p *Page) refer(correlation string) {
	p.CorrelationID, p.CorrelationText = correlation, p.language.Text(phrases.Reference)
}

// The Codes of pages that are not about an error.
const (
	codeConfirm = "confirm_sign_out"
	codeConsent = "admin_consent"
)
