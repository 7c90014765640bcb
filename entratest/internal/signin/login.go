package signin

import (
	"net/http"
	"net/url"

	"github.com/fibermsal/fibermsal/entratest/internal/aadsts"
	"github.com/fibermsal/fibermsal/entratest/internal/directory"
)

// ServeLogin receives the forms of the pages. A form carries the request itself, so that the server keeps
// nothing for users who never submit it.
func (s *Service) ServeLogin(w http.ResponseWriter, r *http.Request, segment string) {
	if r.Method != http.MethodPost {
		s.Pages.Error(w, r, aadsts.New(900561, r.Method).OnPage())
		return
	}
	params, err := url.ParseQuery(r.PostForm.Get("request"))
	if err != nil {
		s.Pages.Error(w, r, aadsts.New(9002313).OnPage())
		return
	}
	req, fail := s.parse(segment, params)
	if fail != nil {
		s.refuse(w, r, req, fail)
		return
	}
	s.press(w, r, req, r.PostForm)
}

// press acts on the button.
func (s *Service) press(w http.ResponseWriter, r *http.Request, req *request, form url.Values) {
	chosen := directory.Find(form.Get("user"), req.tenants)
	switch action := form.Get("action"); {
	case action == "cancel":
		s.refuse(w, r, req, aadsts.Cancelled())
	case action == "decline":
		s.refuse(w, r, req, aadsts.New(65004))
	case chosen == nil:
		s.refuse(w, r, req, aadsts.New(50020, form.Get("user"), req.tenants[0].ID, s.App.ClientID))
	case action == "accept", action == "approve":
		s.accept(w, r, req, chosen, action)
	default:
		s.signIn(w, r, req, chosen, false)
	}
}

// accept records consent or another factor, but only for a user who has signed in in this browser.
func (s *Service) accept(w http.ResponseWriter, r *http.Request, req *request, a *directory.Account, action string) {
	login := loginOf(s.Sessions.SignedIn(r, req.tenants), a)
	if login == nil {
		s.proceed(w, r, req)
		return
	}
	if action == "approve" {
		login = s.Sessions.StepUp(login, req.claims.Contexts())
	}
	s.enter(w, r, req, login, action == "accept")
}
