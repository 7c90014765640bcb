package web

import (
	"cmp"
	"net/url"
	"slices"
	"time"

	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/authority"
	"github.com/fibermsal/fibermsal/internal/flow"
	"github.com/fibermsal/fibermsal/internal/returnto"
	"github.com/fibermsal/fibermsal/internal/session"
)

// The parameters of the login URL: the path to return to, the name of the page if its path is too long,
// the sealed requirements, and the sealed number of restarts.
const (
	toParameter           = "to"
	pageParameter         = "page"
	requirementsParameter = "ask"
	resumeParameter       = "resume"
)

// signInURLFor returns the URL of the sign-in that fixes an error. The browser then returns to the URL
// of the request, if that is a page.
func (s *Site) signInURLFor(v *Visit, in *Request, e *autherr.Error) string {
	known := v.flow()
	if known.attempt != nil && autherr.IntentOf(e) == nil {
		repeated, _ := s.repeated(known.attempt, e) // the error page explains why more cannot be required
		return s.signInURL(known.attempt.Destination(), forAccount(e, repeated), known.replaces())
	}
	present, _ := s.presentSession(in)
	if known.attempt != nil {
		present = known.replaces() // Entra's cross-site POST does not include the session cookie
	}
	requirements := known.requirements
	if requirements.IsZero() {
		requirements = requirementsOf(e, v.session)
	}
	tries, to := v.triesOf(in), v.destination(in)
	if tries.Has(to) || tries.Has(s.pageAt(in.pathAndQuery())) {
		requirements = requirements.Interactive() // a silent sign-in has been tried for this page
	}
	return s.signInURL(to, forAccount(e, requirements), present)
}

// forAccount lets the user select another account if the error is that the user's account is refused.
func forAccount(e *autherr.Error, r flow.Requirements) flow.Requirements {
	if autherr.NeedsAnotherAccount(e) {
		return r.ForAnotherAccount()
	}
	return r
}

// replaces returns the ID of the session that the failed attempt would have replaced, or "".
func (v *flowVisit) replaces() string { return cmp.Or(v.browser.Session(), v.attempt.Replaces()) }

// destination returns where the browser goes after a sign-in because of an error. The library's
// routes are not pages, and their queries contain codes (threat A14).
func (v *Visit) destination(in *Request) flow.Destination {
	switch {
	case v.to != nil:
		return *v.to
	case v.ownRoute:
		return flow.DestinationOf(returnto.Home)
	case in.isNavigation(), in.isBoosted():
		return v.Site.pageAt(in.pathAndQuery())
	}
	return v.Site.currentPage(in)
}

// requirementsOf returns the requirements of the sign-in that fixes an error. If the tokens of a
// session are lost, the sign-in is silent, which succeeds if the user is still signed in to Entra.
func requirementsOf(e *autherr.Error, s *session.Session) flow.Requirements {
	var r flow.Requirements
	required := autherr.Requirements(e)
	if required != nil {
		r = *required
	}
	switch {
	case s == nil, autherr.IntentOf(e) != nil:
	case !autherr.NeedsSignIn(e):
		r.SelectAccount = true // the same account would be refused again
	default:
		r.LoginHint = cmp.Or(s.LoginHint, s.User.Username)
		if r.Silent = required == nil; r.Silent {
			r.User = s.User.ID
		}
	}
	return r
}

// repeated returns the requirements of the sign-in after a failed one: the same requirements plus the
// missing scopes and claims. With an error, it returns the same requirements only.
func (s *Site) repeated(failed *flow.Attempt, e *autherr.Error) (flow.Requirements, error) {
	same := failed.Requirements().Interactive()
	missing := autherr.Requirements(e)
	if missing == nil {
		return same, nil
	}
	more, err := same.WithClaims(missing.Claims)
	if err != nil {
		return same, err
	}
	requested := slices.Concat(s.Authority.Scopes.Configured(), same.Scopes)
	more.Scopes = slices.Concat(same.Scopes, authority.Missing(requested, missing.Scopes))
	more = more.Fit()
	if err := more.Check(); err != nil {
		return same, err
	}
	return more, nil
}

// signInURL returns the URL for signing in and returning to a page. The requirements open only together
// with the session for which they were sealed.
func (s *Site) signInURL(to flow.Destination, r flow.Requirements, sessionID string) string {
	more := url.Values{}
	if !r.IsZero() {
		if sealed, err := s.Jar.SealRequirements(r.Fit(), sessionID, time.Now()); err == nil { // requirements that do not fit have been refused before
			more.Set(requirementsParameter, sealed)
		}
	}
	return s.loginURL(to, more)
}

// resumeURL returns the URL of the login route that continues to a page, with a sign-in only if the
// browser has no session.
func (s *Site) resumeURL(to flow.Destination, restarts int) string {
	return s.loginURL(to, url.Values{resumeParameter: {s.Jar.SealResumption(restarts, time.Now())}})
}
