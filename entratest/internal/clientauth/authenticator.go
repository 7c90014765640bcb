package clientauth

import (
	"crypto/subtle"
	"net/url"
	"strings"
	"time"

	"github.com/fibermsal/fibermsal/entratest/internal/aadsts"
	"github.com/fibermsal/fibermsal/entratest/internal/directory"
	"github.com/fibermsal/fibermsal/entratest/internal/ids"
	"github.com/fibermsal/fibermsal/entratest/internal/origins"
	"github.com/fibermsal/fibermsal/entratest/internal/registration"
)

const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// Authenticator identifies and authenticates the application.
type Authenticator struct {
	App               *registration.App
	Credentials       *Credentials
	Origins           *origins.Origins
	OneTimeAssertions bool
}

// Authenticate checks the form of a token call. segment is the tenant segment of its URL, and tenants
// are the tenants that it refers to.
func (a *Authenticator) Authenticate(form url.Values, segment string, tenants []*directory.Tenant) *aadsts.Error {
	if fail := a.App.CheckClientID(form.Get("client_id"), segment); fail != nil {
		return fail
	}
	switch secret, assertion, kind := form.Get("client_secret"), form.Get("client_assertion"), form.Get("client_assertion_type"); {
	case assertion == "" && secret == "":
		return aadsts.New(7000218)
	case assertion == "":
		return a.checkSecret(secret)
	case secret != "": // RFC 6749, 2.3: one method in each request
		return aadsts.New(9002313)
	case kind == "":
		return aadsts.New(900144, "client_assertion_type")
	case kind != assertionType:
		return aadsts.New(90023, "client_assertion_type")
	default:
		return a.checkAssertion(assertion, a.audiences(segment, tenants))
	}
}

func (a *Authenticator) checkSecret(secret string) *aadsts.Error {
	a.Credentials.mu.Lock()
	defer a.Credentials.mu.Unlock()
	fail := aadsts.New(7000215, a.App.ClientID)
	for _, want := range a.Credentials.secrets {
		if subtle.ConstantTimeCompare([]byte(secret), []byte(want.Value)) != 1 {
			continue
		}
		if want.Expires.IsZero() || time.Now().Before(want.Expires) {
			return nil
		}
		fail = aadsts.New(7000222, a.App.ClientID)
	}
	return fail
}

// audiences are the allowed aud claims of an assertion for the token endpoint: its URL, or the v2.0 issuer.
func (a *Authenticator) audiences(segment string, tenants []*directory.Tenant) []string {
	names := []string{segment, strings.ToLower(segment)}
	if !directory.IsAlias(segment) {
		names = append(names, tenants[0].ID)
	}
	var out []string
	for _, name := range names {
		out = append(out, a.Origins.Login+"/"+name+"/oauth2/v2.0/token", a.Origins.Issuer(name))
	}
	return out
}

// checkAssertion authenticates the application by its own assertion, or by a token of a federated
// issuer.
func (a *Authenticator) checkAssertion(raw string, audiences []string) *aadsts.Error {
	assertion, fail := readAssertion(raw)
	if fail != nil {
		return fail
	}
	a.Credentials.mu.Lock()
	defer a.Credentials.mu.Unlock()
	switch issuer := strings.ToLower(assertion.claims.Issuer); {
	case issuer == a.App.ClientID:
		return a.checkOwn(assertion, audiences)
	case ids.IsGUID(issuer):
		return aadsts.New(700021, assertion.claims.Issuer)
	default:
		return a.Credentials.checkFederated(assertion)
	}
}

// checkOwn checks an assertion of the application. The caller holds the credentials' lock.
func (a *Authenticator) checkOwn(assertion *assertion, audiences []string) *aadsts.Error {
	fail := assertion.checkOwnClaims(audiences)
	if fail == nil {
		fail = a.Credentials.checkCertificate(assertion, a.App.ClientID)
	}
	if fail == nil && a.OneTimeAssertions {
		fail = a.Credentials.spend(assertion)
	}
	return fail
}
