package entratest

import (
	"net/http"
	"net/url"
)

// serveLogin takes what people press on the pages. The request itself travels with the form, so that
// nothing waits on the server for those who never press anything.
func (s *Server) serveLogin(w http.ResponseWriter, r *http.Request, segment string) {
	if r.Method != http.MethodPost {
		s.showError(w, r, aad(900561, r.Method).onPage())
		return
	}
	params, err := url.ParseQuery(r.PostForm.Get("request"))
	if err != nil {
		s.showError(w, r, aad(9002313).onPage())
		return
	}
	req, fail := s.readAuthorize(segment, params)
	if fail != nil {
		s.refuse(w, r, req, fail)
		return
	}
	s.press(w, r, req, r.PostForm)
}

// press acts on the button.
func (s *Server) press(w http.ResponseWriter, r *http.Request, req *authRequest, form url.Values) {
	who := find(form.Get("user"), req.tenants)
	switch action := form.Get("action"); {
	case action == "cancel":
		s.refuse(w, r, req, &aadError{oauth: "access_denied", subcode: "cancel"})
	case action == "decline":
		s.refuse(w, r, req, aad(65004))
	case who == nil:
		s.refuse(w, r, req, aad(50020, form.Get("user"), req.tenants[0].id, s.ClientID))
	case action == "accept", action == "approve":
		s.accept(w, r, req, who, action)
	default:
		s.signIn(w, r, req, who, false)
	}
}

// accept records consent or another factor, but only for somebody who has signed in in this browser.
func (s *Server) accept(w http.ResponseWriter, r *http.Request, req *authRequest, a *account, action string) {
	for _, one := range s.signedIn(r, req.tenants) {
		if one.account != a {
			continue
		}
		if action == "approve" {
			one = s.stepUp(one, req.claims.contexts())
		}
		s.enter(w, r, req, one, action == "accept")
		return
	}
	s.proceed(w, r, req)
}
