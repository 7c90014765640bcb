package signin

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/fibermsal/fibermsal/entratest/internal/aadsts"
	"github.com/fibermsal/fibermsal/entratest/internal/directory"
	"github.com/fibermsal/fibermsal/entratest/internal/scopes"
	"github.com/fibermsal/fibermsal/entratest/internal/traffic"
)

// ServeAdminConsent serves /{tenant}/v2.0/adminconsent, which is for the scopes in the request, and
// /{tenant}/adminconsent, which is for all permissions of the registration. The forms of the pages are
// sent here, too.
func (s *Service) ServeAdminConsent(w http.ResponseWriter, r *http.Request, segment string) {
	params, form := r.URL.Query(), url.Values{}
	if r.Method == http.MethodPost {
		form = r.PostForm
		var err error
		if params, err = url.ParseQuery(form.Get("request")); err != nil {
			s.Pages.Error(w, r, aadsts.New(9002313).OnPage())
			return
		}
	}
	req, fail := s.parseAdminConsent(r.URL.Path, segment, params)
	if fail != nil {
		s.refuse(w, r, req, fail)
		return
	}
	s.decideAdminConsent(w, r, req, form)
}

func (s *Service) parseAdminConsent(path, segment string, params url.Values) (*request, *aadsts.Error) {
	req := &request{action: path, params: params, mode: "query", maxAge: -1, admin: true}
	var fail *aadsts.Error
	if req.tenants, fail = s.Directory.Resolve(segment); fail != nil {
		return req, fail
	}
	if fail := s.parseTarget(req, segment); fail != nil {
		return req, fail
	}
	requested := params.Get("scope")
	switch named := strings.HasSuffix(path, "/v2.0/adminconsent"); {
	case named && strings.TrimSpace(requested) == "":
		return req, aadsts.New(900144, "scope")
	case !named:
		requested = "openid profile offline_access " + scopes.Graph + "/" + scopes.Everything
	}
	req.scopes, fail = s.Scopes.Parse(requested)
	return req, fail
}

// decideAdminConsent acts on the button, or shows the first page.
func (s *Service) decideAdminConsent(w http.ResponseWriter, r *http.Request, req *request, form url.Values) {
	signedIn := s.Sessions.SignedIn(r, req.tenants)
	action, chosen := form.Get("action"), directory.Find(form.Get("user"), req.tenants)
	switch {
	case action == "cancel":
		s.refuse(w, r, req, aadsts.Cancelled())
	case action == "decline":
		s.refuse(w, r, req, aadsts.New(65004))
	case form.Has("user") && chosen == nil:
		s.refuse(w, r, req, aadsts.New(50020, form.Get("user"), req.tenants[0].ID, s.App.ClientID))
	case action == "accept" && loginOf(signedIn, chosen) != nil && chosen.Admin:
		s.consentForAll(w, r, req, chosen)
	case chosen != nil:
		s.enterAdmin(w, r, req, chosen)
	default:
		s.showAccounts(w, req, signedIn)
	}
}

// enterAdmin signs an administrator in and asks for consent.
func (s *Service) enterAdmin(w http.ResponseWriter, r *http.Request, req *request, a *directory.Account) {
	traffic.NoteUser(r, a.UPN)
	switch {
	case a.State().Disabled:
		s.refuse(w, r, req, aadsts.New(50057))
	case !a.Admin:
		s.refuse(w, r, req, aadsts.New(90094, "admin consent").OnPage())
	default:
		s.Sessions.Join(w, r, a)
		s.showConsent(w, req, a)
	}
}

func (s *Service) consentForAll(w http.ResponseWriter, r *http.Request, req *request, a *directory.Account) {
	traffic.NoteUser(r, a.UPN)
	keys := scopes.Keys(s.Scopes.Expand(req.scopes))
	a.Tenant.Consent(keys...)
	v := url.Values{"tenant": {a.Tenant.ID}}
	if req.params.Has("scope") {
		v.Set("scope", strings.Join(keys, " "))
	}
	s.respond(w, r, req, v)
}
