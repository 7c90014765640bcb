package signin

import (
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/fibermsal/fibermsal/entratest/internal/aadsts"
	"github.com/fibermsal/fibermsal/entratest/internal/directory"
	"github.com/fibermsal/fibermsal/entratest/internal/grants"
	"github.com/fibermsal/fibermsal/entratest/internal/pages"
	"github.com/fibermsal/fibermsal/entratest/internal/scopes"
	"github.com/fibermsal/fibermsal/entratest/internal/sso"
	"github.com/fibermsal/fibermsal/entratest/internal/traffic"
)

// signIn adds the account to the browser's session and continues with it.
func (s *Service) signIn(w http.ResponseWriter, r *http.Request, req *request, a *directory.Account, consenting bool) {
	traffic.NoteUser(r, a.UPN)
	if a.State().Disabled {
		s.refuse(w, r, req, aadsts.New(50057))
		return
	}
	s.enter(w, r, req, s.Sessions.Join(w, r, a), consenting)
}

// enter completes the request with a login of the session. If another factor or consent is missing, it
// shows the page that asks for it.
func (s *Service) enter(w http.ResponseWriter, r *http.Request, req *request, login *sso.Login, consenting bool) {
	a := login.Account
	traffic.NoteUser(r, a.UPN)
	lacking := s.lacking(req, login)
	if s.Auto && len(lacking) > 0 {
		login, lacking = s.Sessions.StepUp(login, lacking), nil
	}
	adminOnly := s.adminConsentNeeded(req, a)
	switch {
	case a.Unassigned:
		s.refuse(w, r, req, aadsts.New(50105, s.App.ClientID, a.UPN))
	case len(lacking) > 0:
		s.Pages.StepUp(w, req.form(), pages.Describe(a), lacking)
	case adminOnly != "":
		s.refuse(w, r, req, aadsts.New(90094, adminOnly).OnPage())
	case !consenting && (req.prompt == "consent" || s.consentNeeded(req, a)):
		s.showConsent(w, req, a)
	default:
		if consenting {
			a.Consent(scopes.Keys(s.Scopes.Consented(req.scopes))...)
		}
		s.respond(w, r, req, s.success(req, login))
	}
}

// lacking returns the contexts that the user must still satisfy. entra: a context without a policy is
// satisfied for all users.
func (s *Service) lacking(req *request, login *sso.Login) []string {
	return slices.DeleteFunc(req.claims.Lacking(login.ACRs), func(id string) bool { return slices.Contains(s.NoPolicy, id) })
}

func (s *Service) showConsent(w http.ResponseWriter, req *request, a *directory.Account) {
	s.Pages.Consent(w, req.form(), pages.Describe(a), s.Scopes.Consented(req.scopes), req.admin)
}

// missing returns the requested scopes that neither the user nor an administrator has consented to.
func (s *Service) missing(req *request, a *directory.Account) []scopes.Scope {
	return scopes.Missing(a.Granted(), s.Scopes.Expand(req.scopes))
}

func (s *Service) consentNeeded(req *request, a *directory.Account) bool {
	return len(s.missing(req, a)) > 0
}

// adminConsentNeeded names a scope that only an administrator may consent to and that is not granted.
func (s *Service) adminConsentNeeded(req *request, a *directory.Account) string {
	for _, sc := range s.missing(req, a) {
		if s.Scopes.AdminOnly(sc) && !a.Admin {
			return sc.Name
		}
	}
	return ""
}

// success issues the code and returns the response parameters.
func (s *Service) success(req *request, login *sso.Login) url.Values {
	s.Sessions.Enter(login)
	wants := req.claims.Wanted()
	wants.AuthTime = wants.AuthTime || req.maxAge >= 0 // OpenID Connect Core, 3.1.2.1
	v := url.Values{"session_state": {login.SID}}
	v.Set("code", s.Codes.Issue(&grants.Code{
		Grant: grants.Grant{
			Account: login.Account, Sessions: login.Account.State().Sessions, Granted: time.Now(), Scopes: req.scopes,
			SPA:   s.App.IsSPA(req.redirectURI),
			Nonce: req.params.Get("nonce"), SID: login.SID, AuthTime: login.AuthTime, MaxAge: max(req.maxAge, 0),
			ACRs: req.claims.Contexts(), IDToken: wants,
		},
		RedirectURI: req.redirectURI,
		Challenge:   req.params.Get("code_challenge"),
	}))
	if req.params.Get("client_info") == "1" {
		v.Set("client_info", login.Account.ClientInfo())
	}
	return v
}
