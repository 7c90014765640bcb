package token

import (
	"net/http"
	"net/url"

	"github.com/fibermsal/fibermsal/entratest/internal/aadsts"
	"github.com/fibermsal/fibermsal/entratest/internal/claims"
	"github.com/fibermsal/fibermsal/entratest/internal/clientauth"
	"github.com/fibermsal/fibermsal/entratest/internal/directory"
	"github.com/fibermsal/fibermsal/entratest/internal/grants"
	"github.com/fibermsal/fibermsal/entratest/internal/registration"
	"github.com/fibermsal/fibermsal/entratest/internal/scopes"
)

const clientCredentials = "client_credentials"

// call is one request to the token endpoint, its client authenticated.
type call struct {
	form      url.Values
	grantType string
	segment   string
	tenants   []*directory.Tenant // that the segment refers to
	scopes    []scopes.Scope      // requested; nil means those of the sign-in
	claims    claims.Request
	client    grants.Client
}

// parse checks everything that does not depend on the grant. Parameters in the URL are ignored.
func (e *Endpoint) parse(r *http.Request, segment string) (*call, *aadsts.Error) {
	tenants, fail := e.Directory.Resolve(segment)
	if fail != nil {
		return nil, fail
	}
	if r.Method != http.MethodPost {
		return nil, aadsts.New(900561, r.Method)
	}
	if name := registration.Repeated(r.PostForm); name != "" {
		return nil, aadsts.New(9000411, name)
	}
	form, fail := clientauth.WithHeader(r)
	e.Secrets.Add(form.Get("code_verifier"), form.Get("client_assertion"), form.Get("assertion"))
	e.Secrets.Add(clientauth.HeaderSecret(r))
	if fail != nil {
		return nil, fail
	}
	c := &call{form: form, grantType: form.Get("grant_type"), segment: segment, tenants: tenants}
	c.client.Origin = r.Header.Get("Origin")
	if c.client.Authenticated, fail = e.authenticate(c); fail != nil {
		return nil, fail
	}
	if c.grantType == "" {
		return nil, aadsts.New(900144, "grant_type")
	}
	if c.claims, fail = claims.Read(form.Get("claims")); fail != nil || c.grantType == clientCredentials {
		return c, fail
	}
	c.scopes, fail = e.Scopes.Parse(form.Get("scope"))
	return c, fail
}

// authenticate identifies the client and authenticates it, unless it may be a single-page app, which has no
// credential. Whether it is one depends on the grant.
func (e *Endpoint) authenticate(c *call) (authenticated bool, fail *aadsts.Error) {
	anonymous := c.form.Get("client_secret") == "" && c.form.Get("client_assertion") == ""
	ofUser := c.grantType == "authorization_code" || c.grantType == "refresh_token"
	if anonymous && ofUser && len(e.App.SPAURIs) > 0 {
		return false, e.App.CheckClientID(c.form.Get("client_id"), c.segment)
	}
	return true, e.Client.Authenticate(c.form, c.segment, c.tenants)
}

// azpacr is the claim of that name, which describes how the client has authenticated.
func (c *call) azpacr() string {
	switch {
	case !c.client.Authenticated:
		return "0"
	case c.form.Get("client_assertion") != "":
		return "2"
	default:
		return "1"
	}
}
