package web

import (
	"cmp"
	"errors"
	"net/http"

	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/phrases"
	"github.com/fibermsal/fibermsal/internal/returnto"
)

// details are the texts that a page adds to the message of an error, by code, unless the error itself
// has a detail.
var details = map[string]phrases.Key{
	autherr.ConsentRequired.Code():  phrases.PermissionNeededDetail,
	autherr.SignInLoop.Code():       phrases.SignInLoopDetail,
	autherr.ClaimsChallenge.Code():  phrases.ConfirmIdentityDetail,
	autherr.TenantNotAllowed.Code(): phrases.OtherAccountDetail,
}

// errorPage returns the page for an error.
func (s *Site) errorPage(v *Visit, in *Request, e *autherr.Error, signInURL string) *Page {
	p := newPage(in, s.homeURL(), e.Code, e.Status)
	p.Message = cmp.Or(p.language.Text(autherr.MessageKey(e)), e.Message)
	p.Detail = p.language.Text(cmp.Or(autherr.DetailKey(e), details[e.Code]))
	p.refer(e.CorrelationID)
	switch {
	case e.Status >= http.StatusInternalServerError, e.Reason == autherr.ReasonRequestRefused, e.Reason == autherr.ReasonClock:
		// A sign-in would not help, but a retry may.
		if p.RetryURL = s.retryURL(v, in, signInURL); p.RetryURL != "" {
			p.RetryText = p.language.Text(phrases.TryAgainButton)
		}
	case errors.Is(e, autherr.SignInLoop): // signing in again has not helped
	default:
		p.SignInURL, p.SignInText = signInURL, p.language.Text(signInText(v, e))
	}
	return p
}

func signInText(v *Visit, e *autherr.Error) phrases.Key {
	switch {
	case v.flow().keptSession:
		return phrases.TryAgainButton
	case autherr.NeedsAnotherAccount(e), v.session != nil && !autherr.NeedsSignIn(e):
		return phrases.OtherAccountButton
	}
	return phrases.SignInButton
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
