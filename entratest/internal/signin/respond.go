package signin

import (
	"net/http"
	"net/url"
	"regexp"

	"github.com/fibermsal/fibermsal/entratest/internal/aadsts"
	"github.com/fibermsal/fibermsal/entratest/internal/registration"
)

// refuse sends the error to the app, unless it is one for the page or there is no address to send it to.
func (s *Service) refuse(w http.ResponseWriter, r *http.Request, req *request, e *aadsts.Error) {
	if e.Page || req.redirectURI == "" {
		s.Pages.Error(w, r, e)
		return
	}
	s.respond(w, r, req, e.Params(r, s.Origins.Login))
}

var markup = regexp.MustCompile(`<[^>]*>`)

// respond sends the authorization response to the app in the requested mode.
func (s *Service) respond(w http.ResponseWriter, r *http.Request, req *request, v url.Values) {
	if req.admin {
		v.Set("admin_consent", "True")
	}
	if state := req.params.Get("state"); state != "" {
		v.Set("state", markup.ReplaceAllString(state, "")) // entra: markup is stripped
	}
	if req.mode == "form_post" {
		s.Pages.FormPost(w, req.redirectURI, v)
		return
	}
	aadsts.Redirect(w, r, registration.WithParams(req.redirectURI, v, req.mode == "fragment"))
}
