package entratest

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// tokenAnswer is a successful token response, in the order in which Entra writes it.
type tokenAnswer struct {
	TokenType    string `json:"token_type"`
	Scope        string `json:"scope"`
	ExpiresIn    int    `json:"expires_in"`
	ExtExpiresIn int    `json:"ext_expires_in"`
	RefreshIn    int    `json:"refresh_in,omitempty"`
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token,omitempty"`
	IDToken      string `json:"id_token,omitempty"`
	ClientInfo   string `json:"client_info,omitempty"`
}

// tokenCall is one request to the token endpoint, its client authenticated.
type tokenCall struct {
	form    url.Values
	grant   string
	segment string
	tenants []*tenant // that the segment stands for
	scopes  []scope   // asked for; nil means those of the sign-in
	claims  claimsRequest
}

const clientCredentials = "client_credentials"

// serveToken is the token endpoint.
func (s *Server) serveToken(w http.ResponseWriter, r *http.Request, segment string) {
	call, fail := s.readTokenCall(r, segment)
	var answer any
	switch {
	case fail != nil:
	case call.grant == clientCredentials:
		answer, fail = s.grantApp(call)
	default:
		answer, fail = s.redeem(r, call)
	}
	if fail != nil {
		s.writeError(w, r, fail)
		return
	}
	entraHeaders(w.Header(), newTrace(r))
	writeJSON(w, http.StatusOK, s.tampered(call.grant, answer))
}

// redeem exchanges what a person has granted for tokens.
func (s *Server) redeem(r *http.Request, call *tokenCall) (*tokenAnswer, *aadError) {
	var (
		g    *grant
		fail *aadError
	)
	switch call.grant {
	case "authorization_code":
		g, fail = s.redeemCode(call)
	case "refresh_token":
		g, fail = s.redeemRefreshToken(call)
	default:
		fail = aad(70003, call.grant)
	}
	if fail != nil {
		return nil, fail
	}
	noteUser(r, g.account)
	answer, fail := s.grantTokens(call, g)
	if fail != nil {
		s.unspend(call.form.Get("refresh_token"))
	}
	return answer, fail
}

// readTokenCall checks all that does not depend on the grant. Only the form counts: a parameter in the
// URL is not seen, and a secret in an Authorization header neither.
func (s *Server) readTokenCall(r *http.Request, segment string) (*tokenCall, *aadError) {
	tenants, fail := s.tenantsOf(segment)
	if fail != nil {
		return nil, fail
	}
	if r.Method != http.MethodPost {
		return nil, aad(900561, r.Method)
	}
	form := r.PostForm
	s.mu.Lock()
	s.remember(form.Get("code_verifier"))
	s.remember(form.Get("client_assertion"))
	s.mu.Unlock()
	if name := repeated(form); name != "" {
		return nil, aad(9000411, name)
	}
	if fail := s.checkClient(form, segment, tenants); fail != nil {
		return nil, fail
	}
	call := &tokenCall{form: form, grant: form.Get("grant_type"), segment: segment, tenants: tenants}
	if call.grant == "" {
		return nil, aad(900144, "grant_type")
	}
	if call.claims, fail = readClaims(form.Get("claims")); fail != nil || call.grant == clientCredentials {
		return call, fail
	}
	call.scopes, fail = s.scopes.parse(form.Get("scope"))
	return call, fail
}

// azpacr is how the client has authenticated, as the claim of that name says it.
func (c *tokenCall) azpacr() string {
	if c.form.Get("client_assertion") != "" {
		return "2"
	}
	return "1"
}

// repeated returns the name of a parameter given more than once.
func repeated(form url.Values) string {
	for name, values := range form {
		if len(values) > 1 {
			return name
		}
	}
	return ""
}

func (s *Server) redeemCode(call *tokenCall) (*grant, *aadError) {
	value, redirectURI := call.form.Get("code"), call.form.Get("redirect_uri")
	switch {
	case value == "":
		return nil, aad(900144, "code")
	case redirectURI == "":
		return nil, aad(900144, "redirect_uri")
	case !strings.HasPrefix(value, "1."):
		return nil, aad(9002313).as("invalid_grant")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.issued.codes[value]
	switch {
	case c == nil:
		return nil, aad(70000, "code")
	case c.redeemed:
		return nil, aad(54005)
	case time.Now().After(c.expires):
		return nil, aad(70008)
	case !slices.Contains(call.tenants, c.account.tenant):
		return nil, aad(700005, c.account.tenant.id)
	case redirectURI != c.redirectURI:
		return nil, aad(500112, redirectURI, c.redirectURI)
	case !s.tamper.anyVerifier && !c.verifies(call.form.Get("code_verifier")):
		return nil, aad(501481)
	}
	if fail := stillWelcome(&c.grant); fail != nil {
		return nil, fail
	}
	c.redeemed = true
	return &c.grant, nil
}

func (s *Server) redeemRefreshToken(call *tokenCall) (*grant, *aadError) {
	value := call.form.Get("refresh_token")
	switch {
	case value == "":
		return nil, aad(900144, "refresh_token")
	case !strings.HasPrefix(value, "0."):
		return nil, aad(9002313).as("invalid_grant")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.issued.refresh[value]
	switch {
	case t == nil, t.used && s.settings.oneTimeRefresh:
		return nil, aad(70000, "refresh_token")
	case time.Since(t.lastUsed) > refreshIdleTime:
		return nil, aad(700082, t.granted.UTC().Format(time.RFC3339))
	case !slices.Contains(call.tenants, t.account.tenant):
		return nil, aad(50034, t.account.UPN, call.tenants[0].id)
	}
	if fail := stillWelcome(&t.grant); fail != nil {
		return nil, fail
	}
	// entra: using a refresh token gives a new one and does not end the old one.
	t.used, t.lastUsed = true, time.Now()
	renewed := t.grant
	renewed.nonce = "" // entra: the nonce belongs to the authorization request only
	return &renewed, nil
}

// unspend gives a one-time refresh token back whose call came to nothing: a refusal,
// of a scope for example, uses nothing up.
func (s *Server) unspend(refreshToken string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.issued.refresh[refreshToken]; t != nil {
		t.used = false
	}
}

// stillWelcome checks the account behind a grant. The caller holds Server.mu.
func stillWelcome(g *grant) *aadError {
	switch {
	case g.account.disabled:
		return aad(50057)
	case g.revoked():
		return aad(50173, g.granted.UTC().Format(time.RFC3339), g.account.validFrom.UTC().Format(time.RFC3339))
	default:
		return nil
	}
}

// grantTokens issues what the call asks for and the person has consented to.
func (s *Server) grantTokens(call *tokenCall, g *grant) (*tokenAnswer, *aadError) {
	asked := call.scopes
	if asked == nil {
		asked = g.scopes
	}
	resource, fail := resourceOf(asked)
	if fail == nil {
		fail = satisfies(g, call.claims)
	}
	if fail != nil {
		return nil, fail
	}
	issued, answer, fail := s.issueTokens(call, g, asked, resource)
	if fail != nil {
		return nil, fail
	}
	if has(issued.scopes, "openid") {
		answer.IDToken = s.signIDToken(issued, call.grant)
	}
	if call.form.Get("client_info") == "1" {
		answer.ClientInfo = clientInfo(g.account)
	}
	return answer, nil
}

// satisfies checks the grant against what the claims parameter of the token call demands. If the sign-in was
// too long ago or not strong enough, only another one helps.
func satisfies(g *grant, claims claimsRequest) *aadError {
	since, lacking := claims.notBefore(), claims.lacking(g.acrs)
	switch {
	case g.authTime.Before(since):
		return aad(50173, g.granted.UTC().Format(time.RFC3339), since.UTC().Format(time.RFC3339))
	case len(lacking) > 0:
		fail := aad(50076, graphAppID)
		fail.claims = demandContext(lacking[0])
		return fail
	default:
		return nil
	}
}

// issueTokens makes the access and refresh tokens. It returns the grant narrowed to what is consented.
func (s *Server) issueTokens(call *tokenCall, g *grant, asked []scope, resource string) (*grant, *tokenAnswer, *aadError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	consents := g.account.granted()
	narrowed := *g
	// The OpenID Connect scopes are not worth an error: MSAL adds them to every call, asked for or not.
	narrowed.scopes = slices.DeleteFunc(slices.Clone(asked), func(sc scope) bool { return sc.resource == "" && !consents[sc.name] })
	if len(g.account.missing(s.scopes.expand(narrowed.scopes))) > 0 {
		return nil, nil, aad(65001, s.ClientID)
	}
	lifetime := int(s.tokenLifetime / time.Second)
	answer := &tokenAnswer{
		TokenType: "Bearer", ExpiresIn: lifetime, ExtExpiresIn: lifetime,
		RefreshIn: int(s.settings.refreshIn / time.Second),
		Scope:     echo(consents, resource, asked),
		AccessToken: s.issueAccessToken(&accessToken{
			grant: narrowed, tenant: g.account.tenant, resource: resource, names: grantedNames(consents, resource),
			cae: call.claims.capable(), azpacr: call.azpacr(),
		}),
	}
	if has(narrowed.scopes, "offline_access") {
		answer.RefreshToken = s.issueRefreshToken(*g)
	}
	return &narrowed, answer, nil
}

// signIDToken makes the ID token, after whatever a test wants to do to it.
func (s *Server) signIDToken(g *grant, grantType string) string {
	t := s.newIDToken(g, grantType)
	s.mu.Lock()
	tamper := s.tamper.idToken
	s.mu.Unlock()
	if tamper != nil {
		tamper(t)
	}
	if t.Omit {
		return ""
	}
	encoded := t.encode()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.remember(encoded)
	return encoded
}

// tampered is the answer as it leaves: as it is, or after a test's changes.
func (s *Server) tampered(grantType string, answer any) any {
	s.mu.Lock()
	tamper := s.tamper.response
	s.mu.Unlock()
	if tamper == nil {
		return answer
	}
	var body map[string]any
	encoded, err := json.Marshal(answer)
	if err == nil {
		err = json.Unmarshal(encoded, &body)
	}
	if err != nil {
		panic("entratest: " + err.Error()) // strings and numbers survive JSON
	}
	tamper(grantType, body)
	return body
}

// clientInfo names the account by its ids at home, unsigned.
func clientInfo(a *account) string {
	uid, utid := a.homeIDs()
	return base64.RawURLEncoding.EncodeToString([]byte(`{"uid":"` + uid + `","utid":"` + utid + `"}`))
}
