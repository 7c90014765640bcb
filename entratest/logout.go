package entratest

import (
	"net/http"
	"net/url"
)

// serveLogout is RP-initiated logout. It ends the browser's session only: entra: tokens live on, dropping
// them is the app's business.
func (s *Server) serveLogout(w http.ResponseWriter, r *http.Request, segment string) {
	tenants, fail := s.tenantsOf(segment)
	if fail != nil {
		s.showError(w, r, fail)
		return
	}
	signedIn := s.signedIn(r, s.directory.tenants)
	who := hinted(r.Form.Get("logout_hint"), tenants)
	if picked := r.PostForm.Get("user"); picked != "" {
		who = find(picked, s.directory.tenants)
	}
	if who == nil && len(signedIn) > 1 { // entra: without a hint people are asked which account
		s.showLogoutPicker(w, segment, r.Form, signedIn)
		return
	}
	s.afterLogout(w, r, s.frames(s.leaveSession(w, r, who)))
}

// afterLogout sends people where the app wants them, if that is one of the registered URIs; otherwise
// they stay. Frames come first: they tell the application. entra: state is echoed in practice, though not
// promised.
func (s *Server) afterLogout(w http.ResponseWriter, r *http.Request, frames []string) {
	target := r.Form.Get("post_logout_redirect_uri")
	if target == "" || !registered(target, s.settings.redirectURIs, s.settings.logoutURIs) {
		s.showSignedOut(w, target, frames)
		return
	}
	v := url.Values{}
	if state := r.Form.Get("state"); state != "" {
		v.Set("state", state)
		target = withParams(target, v, false)
	}
	if len(frames) > 0 {
		s.showSigningOut(w, target, frames)
		return
	}
	entraHeaders(w.Header(), newTrace(r))
	w.Header().Set("Location", target)
	w.WriteHeader(http.StatusFound)
}
