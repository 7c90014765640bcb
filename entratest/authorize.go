package entratest

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxQuery is the length of an authorize query beyond which Entra gives up (AADSTS90015); its own limit is
// not published, so this is a careful one.
const maxQuery = 4096

// authRequest is a validated authorization request, or one for an administrator's consent.
type authRequest struct {
	action      string // where its pages' forms go
	tenants     []*tenant
	params      url.Values
	redirectURI string
	mode        string
	prompt      string
	scopes      []scope
	hint        *account
	claims      claimsRequest
	maxAge      time.Duration // negative without max_age
	admin       bool          // asks for an administrator's consent
}

// serveAuthorize is the authorize endpoint.
func (s *Server) serveAuthorize(w http.ResponseWriter, r *http.Request, segment string) {
	params := r.URL.Query()
	if r.Method == http.MethodPost {
		params = r.PostForm
	}
	req, fail := s.readAuthorize(segment, params)
	if fail != nil {
		s.refuse(w, r, req, fail)
		return
	}
	s.proceed(w, r, req)
}

// readAuthorize validates the request in Entra's order. With an error the request is returned as far as it
// was understood; without a redirectURI the error can only be shown.
func (s *Server) readAuthorize(segment string, params url.Values) (*authRequest, *aadError) {
	req := &authRequest{action: "/" + segment + "/login", params: params, mode: "query", maxAge: -1}
	var fail *aadError
	if req.tenants, fail = s.tenantsOf(segment); fail != nil {
		return req, fail
	}
	if len(params.Encode()) > maxQuery {
		return req, aad(90015)
	}
	if name := repeated(params); name != "" {
		return req, aad(9000411, name).onPage()
	}
	if fail := s.checkApp(segment, params); fail != nil {
		return req, fail
	}
	req.redirectURI = params.Get("redirect_uri")
	if fail := s.checkShape(req); fail != nil {
		return req, fail
	}
	req.prompt = params.Get("prompt")
	req.hint = hinted(params.Get("login_hint"), req.tenants)
	req.scopes, fail = s.scopes.parse(params.Get("scope"))
	return req, fail
}

// checkApp checks the parameters whose errors never leave the page: sending people to an address that is
// not registered would be an open redirect.
func (s *Server) checkApp(segment string, params url.Values) *aadError {
	id, redirectURI := params.Get("client_id"), params.Get("redirect_uri")
	switch {
	case id == "":
		return aad(900144, "client_id").onPage()
	case !guid.MatchString(strings.ToLower(id)):
		return aad(700038, id)
	case !strings.EqualFold(id, s.ClientID):
		return aad(700016, id, segment)
	case redirectURI == "":
		return aad(900971)
	case !registered(redirectURI, s.settings.redirectURIs):
		return aad(50011, redirectURI, s.ClientID)
	default:
		return nil
	}
}

var (
	responseModes = []string{"query", "fragment", "form_post"}
	prompts       = []string{"", "login", "none", "consent", "select_account"}
	implicitTypes = []string{"id_token", "token", "code id_token", "id_token token", "code token", "code id_token token"}
	challenge     = regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`)
)

// checkShape checks the parameters whose errors the app gets to see.
func (s *Server) checkShape(req *authRequest) *aadError {
	p := req.params
	if mode := p.Get("response_mode"); mode != "" {
		if !slices.Contains(responseModes, mode) {
			return aad(70007, mode)
		}
		req.mode = mode
	}
	switch kind := p.Get("response_type"); {
	case kind == "":
		return aad(900144, "response_type")
	case slices.Contains(implicitTypes, kind):
		return aad(700054, kind)
	case kind != "code":
		return aad(70005, kind)
	case strings.TrimSpace(p.Get("scope")) == "":
		return aad(900144, "scope")
	case !slices.Contains(prompts, p.Get("prompt")):
		return aad(90023, "prompt")
	}
	var fail *aadError
	if req.claims, fail = readClaims(p.Get("claims")); fail != nil {
		return fail
	}
	if p.Has("max_age") {
		seconds, err := strconv.ParseUint(p.Get("max_age"), 10, 31)
		if err != nil {
			return aad(90023, "max_age")
		}
		req.maxAge = time.Duration(seconds) * time.Second
	}
	return checkChallenge(p.Get("code_challenge"), p.Get("code_challenge_method"))
}

// checkChallenge accepts PKCE with S256 or none at all. Entra knows plain too, also as the default; an app
// that uses it gains nothing, so the emulator does not.
func checkChallenge(value, method string) *aadError {
	switch {
	case value == "" && method == "":
		return nil
	case method != "S256":
		return aad(90023, "code_challenge_method")
	case !challenge.MatchString(value):
		return aad(501491)
	default:
		return nil
	}
}

// proceed decides what a valid request meets: an answer at once, or a page.
func (s *Server) proceed(w http.ResponseWriter, r *http.Request, req *authRequest) {
	signedIn := s.signedIn(r, req.tenants)
	usable := slices.DeleteFunc(slices.Clone(signedIn), func(who *ssoAccount) bool { return !req.accepts(who) })
	if req.prompt == "none" {
		s.silent(w, r, req, usable)
		return
	}
	if s.settings.auto && req.hint != nil {
		s.signIn(w, r, req, req.hint, true)
		return
	}
	known := pickAccount(usable, req.hint)
	if known == nil || req.prompt == "login" || req.prompt == "select_account" {
		s.showAccounts(w, req, signedIn)
		return
	}
	s.enter(w, r, req, known, false)
}

// accepts tells whether an account of the session will do without signing in again: recent enough for
// max_age and for a challenge after a revocation, and of the hinted domain. max_age=0 is prompt=login.
func (req *authRequest) accepts(who *ssoAccount) bool {
	recent := req.maxAge < 0 || (req.maxAge > 0 && time.Since(who.authTime) <= req.maxAge)
	return recent && !who.authTime.Before(req.claims.notBefore()) && req.ofDomain(who.account)
}

// ofDomain tells whether the account is one that domain_hint means: organizations, consumers, or a domain
// of a tenant. entra: other hints are of no effect.
func (req *authRequest) ofDomain(a *account) bool {
	hint := strings.ToLower(req.params.Get("domain_hint"))
	switch {
	case hint == "organizations":
		return a.tenant.id != consumerTenant
	case hint == "consumers":
		return a.tenant.id == consumerTenant
	case !slices.ContainsFunc(req.tenants, func(t *tenant) bool { return t.hasDomain(hint) }):
		return true
	default:
		return a.domain() == hint
	}
}

// pickAccount returns the session's account that needs no question: the hinted one, or the only one.
func pickAccount(signedIn []*ssoAccount, hint *account) *ssoAccount {
	if hint == nil && len(signedIn) == 1 {
		return signedIn[0]
	}
	for _, one := range signedIn {
		if one.account == hint {
			return one
		}
	}
	return nil
}

// silent answers prompt=none, which never shows a page.
func (s *Server) silent(w http.ResponseWriter, r *http.Request, req *authRequest, signedIn []*ssoAccount) {
	known := pickAccount(signedIn, req.hint)
	switch {
	case known != nil && len(req.claims.lacking(known.acrs)) > 0:
		s.refuse(w, r, req, aad(50076, s.ClientID).as("interaction_required"))
	case known != nil && s.consentNeeded(req, known.account):
		s.refuse(w, r, req, aad(65001, s.ClientID).as("consent_required"))
	case known != nil:
		s.enter(w, r, req, known, false)
	case req.hint == nil && len(signedIn) > 1:
		s.refuse(w, r, req, aad(16000))
	default:
		s.refuse(w, r, req, aad(50058))
	}
}

// signIn puts the account into the browser's session and goes on with it.
func (s *Server) signIn(w http.ResponseWriter, r *http.Request, req *authRequest, a *account, consenting bool) {
	noteUser(r, a)
	s.mu.Lock()
	disabled := a.disabled
	s.mu.Unlock()
	if disabled {
		s.refuse(w, r, req, aad(50057))
		return
	}
	s.enter(w, r, req, s.joinSession(w, r, a), consenting)
}

// enter answers for an account of the session, or asks for what is missing first: another factor, consent.
func (s *Server) enter(w http.ResponseWriter, r *http.Request, req *authRequest, who *ssoAccount, consenting bool) {
	noteUser(r, who.account)
	lacking := req.claims.lacking(who.acrs)
	if s.settings.auto && len(lacking) > 0 {
		who, lacking = s.stepUp(who, lacking), nil
	}
	adminOnly := s.adminConsentNeeded(req, who.account)
	switch {
	case who.account.Unassigned:
		s.refuse(w, r, req, aad(50105, s.ClientID, who.account.UPN))
	case len(lacking) > 0:
		s.showStepUp(w, req, who.account, lacking)
	case adminOnly != "":
		s.refuse(w, r, req, aad(90094, adminOnly).onPage())
	case !consenting && (req.prompt == "consent" || s.consentNeeded(req, who.account)):
		s.showConsent(w, req, who.account)
	default:
		if consenting {
			s.consent(req, who.account)
		}
		s.respond(w, r, req, s.success(req, who))
	}
}

func (s *Server) consentNeeded(req *authRequest, a *account) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(a.missing(s.scopes.expand(req.scopes))) > 0
}

// adminConsentNeeded names a scope that only an administrator may consent to, and nobody has.
func (s *Server) adminConsentNeeded(req *authRequest, a *account) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, sc := range a.missing(s.scopes.expand(req.scopes)) {
		if s.scopes.adminOnly[sc.key()] && !a.Admin {
			return sc.name
		}
	}
	return ""
}

func (s *Server) consent(req *authRequest, a *account) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, sc := range s.scopes.expand(req.scopes) {
		a.consents[sc.key()] = true
	}
}

// success issues the code and makes the response parameters.
func (s *Server) success(req *authRequest, who *ssoAccount) url.Values {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.entered[who.sid] = true
	wants := req.claims.wanted()
	wants.authTime = wants.authTime || req.maxAge >= 0 // OpenID Connect Core, 3.1.2.1
	v := url.Values{"session_state": {who.sid}}
	v.Set("code", s.issueCode(&code{
		grant: grant{
			account: who.account, sessions: who.account.sessions, granted: time.Now(), scopes: req.scopes,
			nonce: req.params.Get("nonce"), sid: who.sid, authTime: who.authTime,
			acrs: req.claims.contexts(), idToken: wants,
		},
		redirectURI: req.redirectURI,
		challenge:   req.params.Get("code_challenge"),
	}))
	if req.params.Get("client_info") == "1" {
		v.Set("client_info", clientInfo(who.account))
	}
	return v
}

// refuse gives the error to the app if it is one to give and there is somebody to give it to.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, req *authRequest, e *aadError) {
	if e.page || req.redirectURI == "" {
		s.showError(w, r, e)
		return
	}
	s.respond(w, r, req, s.redirectError(r, e))
}

var markup = regexp.MustCompile(`<[^>]*>`)

// respond sends the authorization response to the app in the mode it asked for.
func (s *Server) respond(w http.ResponseWriter, r *http.Request, req *authRequest, v url.Values) {
	if req.admin {
		v.Set("admin_consent", "True")
	}
	if state := req.params.Get("state"); state != "" {
		v.Set("state", markup.ReplaceAllString(state, "")) // entra: markup is stripped
	}
	if req.mode == "form_post" {
		s.showFormPost(w, req.redirectURI, v)
		return
	}
	entraHeaders(w.Header(), newTrace(r))
	w.Header().Set("Location", withParams(req.redirectURI, v, req.mode == "fragment"))
	w.WriteHeader(http.StatusFound)
}

// withParams adds the response to the redirect URI. entra: a URI without a path comes back with a slash.
func withParams(uri string, v url.Values, fragment bool) string {
	u, err := url.Parse(uri)
	if err != nil {
		panic("entratest: " + err.Error()) // it equals a registered URI, which was parsed by New
	}
	if u.Path == "" {
		u.Path = "/"
	}
	if fragment {
		return u.String() + "#" + v.Encode()
	}
	if u.RawQuery != "" {
		u.RawQuery += "&"
	}
	u.RawQuery += v.Encode()
	return u.String()
}
