package signin

import (
	"net/http"
	"slices"

	"github.com/fibermsal/fibermsal/entratest/internal/aadsts"
	"github.com/fibermsal/fibermsal/entratest/internal/sso"
)

// ServeAuthorize is the authorize endpoint.
func (s *Service) ServeAuthorize(w http.ResponseWriter, r *http.Request, segment string) {
	params := r.URL.Query()
	if r.Method == http.MethodPost {
		params = r.PostForm
	}
	req, fail := s.parse(segment, params)
	if fail != nil {
		s.refuse(w, r, req, fail)
		return
	}
	s.proceed(w, r, req)
}

// proceed responds to a valid request immediately, or shows a page.
func (s *Service) proceed(w http.ResponseWriter, r *http.Request, req *request) {
	signedIn := s.Sessions.SignedIn(r, req.tenants)
	usable := slices.DeleteFunc(slices.Clone(signedIn), func(login *sso.Login) bool { return !req.accepts(login) })
	if req.prompt == "none" {
		s.silent(w, r, req, usable)
		return
	}
	if s.Auto && req.hint != nil {
		s.signIn(w, r, req, req.hint, true)
		return
	}
	chosen := req.pick(usable)
	if chosen == nil || slices.Contains([]string{"login", "select_account", "create"}, req.prompt) {
		s.showAccounts(w, req, signedIn)
		return
	}
	s.enter(w, r, req, chosen, false)
}

// silent responds to prompt=none, for which no page is ever shown.
func (s *Service) silent(w http.ResponseWriter, r *http.Request, req *request, usable []*sso.Login) {
	chosen := req.pick(usable)
	switch {
	case chosen != nil && len(s.lacking(req, chosen)) > 0:
		s.refuse(w, r, req, aadsts.New(50076, s.App.ClientID).As("interaction_required"))
	case chosen != nil && s.consentNeeded(req, chosen.Account):
		s.refuse(w, r, req, aadsts.New(65001, s.App.ClientID).As("consent_required"))
	case chosen != nil:
		s.enter(w, r, req, chosen, false)
	case req.hint == nil && len(usable) > 1:
		s.refuse(w, r, req, aadsts.New(16000))
	default:
		s.refuse(w, r, req, aadsts.New(50058))
	}
}
