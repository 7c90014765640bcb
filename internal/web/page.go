package web

import "github.com/fibermsal/fibermsal/internal/phrases"

// Page is one of the library's pages, for Config.Pages to draw.
type Page struct {
	// Code is the Code of the [Error], "confirm_sign_out" for the question whether to sign out, or
	// "admin_consent" for the page after an administrator was asked to consent.
	Code string
	// Status is the HTTP status, which is already set.
	Status int
	// Language is the BCP 47 tag of the language of the texts, which the request's Accept-Language
	// prefers among those of the library's pages: de, en, es, fr, ja, pt-BR and zh-Hans.
	Language string
	// Message is one sentence. Detail says more, or is empty.
	Message, Detail string
	// CorrelationID is what an administrator finds in the log, and CorrelationText introduces it. Both
	// are empty for a question, and for consent that was granted.
	CorrelationID, CorrelationText string
	// SignInURL starts a sign-in that may help, and SignInText describes it. Both are empty if
	// none would help.
	SignInURL, SignInText string
	// RetryURL repeats what failed, for which waiting may help: it opens the page again, the form
	// that was sent, the sign-in, or the sign-out. It is set only with a fault of the app, its
	// storage or Entra, if a link can repeat it, and never together with SignInURL. RetryText describes it.
	RetryURL, RetryText string
	// SignOutURL is the target of the form, sent by POST, that signs out, and SignOutText describes its
	// button. They are set for the question only.
	SignOutURL, SignOutText string
	// SignOutOrigin is where that POST finally leads: the origin of Entra's page, and after a space
	// that of Config.PostLogoutURL if it is another site's. A Content-Security-Policy must allow
	// them in form-action beside 'self', because Chromium applies form-action to redirects, too.
	SignOutOrigin string
	// HomeURL is the app's first page, and HomeText describes the link, which answers the question in the
	// negative.
	HomeURL, HomeText string

	language *phrases.Language // of Language
	value    string            // in the Detail, which may be written in another direction, or ""
}

// newPage returns a page in the language of a request, with a link to the app's first page, home.
func newPage(in *Request, home, code string, status int) *Page {
	l := in.language()
	return &Page{
		Code: code, Status: status, Language: l.Tag, language: l,
		HomeURL: home, HomeText: l.Text(phrases.HomePageButton),
	}
}

// refer shows what an administrator finds in the log.
func (p *Page) refer(correlation string) {
	p.CorrelationID, p.CorrelationText = correlation, p.language.Text(phrases.Reference)
}

// The Codes of pages without an error: of the question whether to sign out, and after an
// administrator was asked to consent.
const (
	codeConfirm = "confirm_sign_out"
	codeConsent = "admin_consent"
)
