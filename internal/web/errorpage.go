package web

import (
	"cmp"
	"errors"
	"net/http"

	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/returnto"
)

// details are the texts that a page adds to the message of an error, by code, unless the error has
// one of its own.
var details = map[string]string{
	autherr.ConsentRequired.Code():  "You or an administrator of your organization must agree to it when signing in.",
	autherr.SignInLoop.Code():       "The page asked for a sign-in again and again.",
	autherr.ClaimsChallenge.Code():  "Your organization requires this to open the page or its data.",
	autherr.TenantNotAllowed.Code(): "You may be signed in to Microsoft with another account than you meant to use.",
}

// errorPage is the page that explains an error.
func (s *Site) errorPage(v *Visit, in *Request, e *autherr.Error, signInURL string) *Page {
	p := &Page{
		Code: e.Code, Status: e.Status, Message: e.Message, Detail: cmp.Or(autherr.Detail(e), details[e.Code]),
		CorrelationID: e.CorrelationID, HomeURL: s.homeURL(),
	}
	switch {
	case e.Status >= http.StatusInternalServerError, e.Reason == autherr.ReasonRequestRefused, e.Reason == autherr.ReasonClock:
		p.RetryURL = s.retryURL(v, in, signInURL) // no sign-in would help, but time may
	case errors.Is(e, autherr.SignInLoop): // signing in again has not helped
	default:
		p.SignInURL, p.SignInText = signInURL, signInText(v, e)
	}
	return p
}

func signInText(v *Visit, e *autherr.Error) string {
	switch {
	case v.flow().keptSession:
		return "Try again"
	case autherr.NeedsAnotherAccount(e), v.session != nil && !autherr.NeedsSignIn(e):
		return "Use another account"
	}
	return "Sign in"
}

// retryURL returns the URL by which a link repeats what failed, or "" if a link cannot. A POST is not
// repeated: its form is opened again.
func (s *Site) retryURL(v *Visit, in *Request, signInURL string) string {
	switch known := v.flow(); {
	case known.cookieRemoved && known.appOnly:
		return "" // the session needs no second request to end
	case known.cookieRemoved:
		return s.routeURL(LogoutPath) // goes on to Entra
	case known.callback, v.to != nil:
		return signInURL // the response may have been used
	}
	page := s.currentPage(in)
	if in.isNavigation() {
		page = s.pageAt(in.pathAndQuery())
	}
	if path := page.Path(); path != returnto.Home || in.Path == returnto.Home {
		return s.publicPath(path)
	}
	return "" // there is a link to the home page in any case
}
