package entratest

import (
	"net/http"
	"net/url"
	"strings"
)

// WithAdminScopes names delegated permissions that only an administrator may consent to ([User].Admin, or
// [Server.GrantAdminConsent] for everybody). Others see AADSTS90094 and the app sees nothing. Default: none,
// though in Entra many of Graph's, like Directory.Read.All, are so. Repeated use adds.
func WithAdminScopes(scopes ...string) Option {
	return func(c *settings) { c.adminScopes = append(c.adminScopes, scopes...) }
}

// GrantAdminConsent consents to the scopes for everybody in the server's own tenant, as its administrator
// does in the portal. Like the other controls it panics if one does not exist.
func (s *Server) GrantAdminConsent(scopes ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, raw := range scopes {
		s.directory.tenants[0].consents[s.scopes.mustParse(raw).key()] = true
	}
}

// WithdrawAdminConsent takes that back, whoever granted it: the given scopes, or everything.
func (s *Server) WithdrawAdminConsent(scopes ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	consents := s.directory.tenants[0].consents
	if len(scopes) == 0 {
		clear(consents)
	}
	for _, raw := range scopes {
		delete(consents, s.scopes.mustParse(raw).key())
	}
}

// serveAdminConsent is /{tenant}/v2.0/adminconsent, which names scopes, and /{tenant}/adminconsent, which
// is about all that the application is registered with. The pages' buttons lead here, too.
func (s *Server) serveAdminConsent(w http.ResponseWriter, r *http.Request, segment string) {
	params, form := r.URL.Query(), url.Values{}
	if r.Method == http.MethodPost {
		form = r.PostForm
		var err error
		if params, err = url.ParseQuery(form.Get("request")); err != nil {
			s.showError(w, r, aad(9002313).onPage())
			return
		}
	}
	req, fail := s.readAdminConsent(r.URL.Path, segment, params)
	if fail != nil {
		s.refuse(w, r, req, fail)
		return
	}
	s.decideAdminConsent(w, r, req, form)
}

func (s *Server) readAdminConsent(path, segment string, params url.Values) (*authRequest, *aadError) {
	req := &authRequest{action: path, params: params, mode: "query", maxAge: -1, admin: true}
	var fail *aadError
	if req.tenants, fail = s.tenantsOf(segment); fail != nil {
		return req, fail
	}
	if name := repeated(params); name != "" {
		return req, aad(9000411, name).onPage()
	}
	if fail := s.checkApp(segment, params); fail != nil {
		return req, fail
	}
	req.redirectURI = params.Get("redirect_uri")
	asked := params.Get("scope")
	switch named := strings.HasSuffix(path, "/v2.0/adminconsent"); {
	case named && strings.TrimSpace(asked) == "":
		return req, aad(900144, "scope")
	case !named:
		asked = "openid profile offline_access " + graphResource + "/" + everything
	}
	req.scopes, fail = s.scopes.parse(asked)
	return req, fail
}

// decideAdminConsent acts on the button, or shows the first page.
func (s *Server) decideAdminConsent(w http.ResponseWriter, r *http.Request, req *authRequest, form url.Values) {
	signedIn := s.signedIn(r, req.tenants)
	action, who := form.Get("action"), find(form.Get("user"), req.tenants)
	switch {
	case action == "cancel":
		s.refuse(w, r, req, &aadError{oauth: "access_denied", subcode: "cancel"})
	case action == "decline":
		s.refuse(w, r, req, aad(65004))
	case form.Has("user") && who == nil:
		s.refuse(w, r, req, aad(50020, form.Get("user"), req.tenants[0].id, s.ClientID))
	case action == "accept" && pickAccount(signedIn, who) != nil && who.Admin:
		s.consentForAll(w, r, req, who)
	case who != nil:
		s.enterAdmin(w, r, req, who)
	default:
		s.showAccounts(w, req, signedIn)
	}
}

// enterAdmin signs the account in and asks it, if it is an administrator's.
func (s *Server) enterAdmin(w http.ResponseWriter, r *http.Request, req *authRequest, a *account) {
	noteUser(r, a)
	s.mu.Lock()
	disabled := a.disabled
	s.mu.Unlock()
	switch {
	case disabled:
		s.refuse(w, r, req, aad(50057))
	case !a.Admin:
		s.refuse(w, r, req, aad(90094, "admin consent").onPage())
	default:
		s.joinSession(w, r, a)
		s.showConsent(w, req, a)
	}
}

func (s *Server) consentForAll(w http.ResponseWriter, r *http.Request, req *authRequest, a *account) {
	noteUser(r, a)
	var names []string
	s.mu.Lock()
	for _, sc := range s.scopes.expand(req.scopes) {
		a.tenant.consents[sc.key()] = true
		names = append(names, sc.key())
	}
	s.mu.Unlock()
	v := url.Values{"tenant": {a.tenant.id}}
	if req.params.Has("scope") {
		v.Set("scope", strings.Join(names, " "))
	}
	s.respond(w, r, req, v)
}
