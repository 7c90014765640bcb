package entratest

import (
	"crypto/rsa"
	"crypto/subtle"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Secret is a client secret of the application's registration.
type Secret struct {
	// Value is what the application sends.
	Value string
	// Expires is when the secret begins to be refused with AADSTS7000222. Zero means never.
	Expires time.Time
}

// exchangeAudience is what tokens for workload identity federation are made out to in the public cloud.
const exchangeAudience = "api://AzureADTokenExchange"

// FederatedCredential lets tokens of another issuer stand in for a secret: workload identity federation,
// and a managed identity as federated credential. A token fits if its iss, sub and aud are these to the
// letter and one of Keys has signed it with RS256.
type FederatedCredential struct {
	Issuer, Subject string
	// Audience is the aud claim. Default: "api://AzureADTokenExchange".
	Audience string
	// Keys are what the issuer publishes to verify its tokens by. The kid of a token is not looked at.
	Keys []*rsa.PublicKey
}

// WithSecrets registers further client secrets beside the one of [WithClientSecret]: Entra accepts all that
// have not expired, so that an app can move from one to the next. Default: none. Repeated use adds.
func WithSecrets(secrets ...Secret) Option {
	return func(c *settings) { c.secrets = append(c.secrets, secrets...) }
}

// WithoutClientSecret registers no client secret of its own accord: Server.ClientSecret is empty, and unless
// WithSecrets adds some only assertions authenticate the application. Default: a random secret.
func WithoutClientSecret() Option {
	return func(c *settings) { c.noSecret = true }
}

// WithCertificate registers certificates with RSA keys, whose holder authenticates by a signed assertion
// (private_key_jwt). Default: none. Repeated use adds; during a rotation there are several.
func WithCertificate(certificates ...*x509.Certificate) Option {
	return func(c *settings) { c.certificates = append(c.certificates, certificates...) }
}

// WithFederatedCredential registers federated credentials. Default: none. Repeated use adds.
func WithFederatedCredential(credentials ...FederatedCredential) Option {
	return func(c *settings) { c.federated = append(c.federated, credentials...) }
}

// credentials are what the application may authenticate with. Guarded by Server.mu.
type credentials struct {
	secrets      []Secret
	certificates []*x509.Certificate
	federated    []FederatedCredential
	used         map[string]time.Time // jti of the accepted assertions, with their expiry
}

func newCredentials(c *settings) credentials {
	var secrets []Secret
	if !c.noSecret {
		secrets = []Secret{{Value: c.clientSecret}}
	}
	return credentials{
		secrets: append(secrets, c.secrets...), certificates: slices.Clone(c.certificates),
		federated: withAudience(c.federated), used: map[string]time.Time{},
	}
}

func withAudience(federated []FederatedCredential) []FederatedCredential {
	federated = slices.Clone(federated)
	for i := range federated {
		if federated[i].Audience == "" {
			federated[i].Audience = exchangeAudience
		}
	}
	return federated
}

func checkCredentials(secrets []Secret, certificates []*x509.Certificate, federated []FederatedCredential) error {
	for _, secret := range secrets {
		if secret.Value == "" {
			return errors.New("the client secret is empty")
		}
	}
	for _, certificate := range certificates {
		if certificate == nil || !isRSA(certificate) {
			return errors.New("a certificate is nil or has no RSA key")
		}
	}
	for _, f := range federated {
		if f.Issuer == "" || f.Subject == "" || len(f.Keys) == 0 || slices.Contains(f.Keys, nil) {
			return fmt.Errorf("the federated credential for %q needs an issuer, a subject and keys", f.Subject)
		}
	}
	return nil
}

func isRSA(certificate *x509.Certificate) bool {
	_, ok := certificate.PublicKey.(*rsa.PublicKey)
	return ok
}

// SetSecrets replaces all client secrets, as an administrator who adds, expires or deletes some. With none,
// no secret authenticates. Like its siblings it panics on what nobody could register.
func (s *Server) SetSecrets(secrets ...Secret) {
	mustRegister(checkCredentials(secrets, nil, nil))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.credentials.secrets = slices.Clone(secrets)
	for _, secret := range secrets {
		s.remember(secret.Value)
	}
}

// SetClientSecret replaces all client secrets by this one, as an administrator who rotates it.
// The previous ones are refused at once (AADSTS7000215).
func (s *Server) SetClientSecret(secret string) { s.SetSecrets(Secret{Value: secret}) }

// SetCertificates replaces the registered certificates. Assertions signed by others are refused at once
// (AADSTS700027).
func (s *Server) SetCertificates(certificates ...*x509.Certificate) {
	mustRegister(checkCredentials(nil, certificates, nil))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.credentials.certificates = slices.Clone(certificates)
}

// SetFederatedCredentials replaces the federated credentials.
func (s *Server) SetFederatedCredentials(federated ...FederatedCredential) {
	mustRegister(checkCredentials(nil, nil, federated))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.credentials.federated = withAudience(federated)
}

func mustRegister(err error) {
	if err != nil {
		panic("entratest: " + err.Error())
	}
}

const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// checkClient identifies the application and authenticates it.
func (s *Server) checkClient(form url.Values, segment string, tenants []*tenant) *aadError {
	switch id := form.Get("client_id"); {
	case id == "":
		return aad(900144, "client_id")
	case !guid.MatchString(strings.ToLower(id)):
		return aad(700038, id)
	case !strings.EqualFold(id, s.ClientID):
		return aad(700016, id, segment)
	}
	switch secret, assertion, kind := form.Get("client_secret"), form.Get("client_assertion"), form.Get("client_assertion_type"); {
	case assertion == "" && secret == "":
		return aad(7000218)
	case assertion == "":
		return s.checkSecret(secret)
	case secret != "": // RFC 6749, 2.3: one method in each request
		return aad(9002313)
	case kind == "":
		return aad(900144, "client_assertion_type")
	case kind != assertionType:
		return aad(90023, "client_assertion_type")
	default:
		return s.checkAssertion(assertion, s.audiences(segment, tenants))
	}
}

func (s *Server) checkSecret(secret string) *aadError {
	s.mu.Lock()
	defer s.mu.Unlock()
	fail := aad(7000215, s.ClientID)
	for _, want := range s.credentials.secrets {
		if subtle.ConstantTimeCompare([]byte(secret), []byte(want.Value)) != 1 {
			continue
		}
		if want.Expires.IsZero() || time.Now().Before(want.Expires) {
			return nil
		}
		fail = aad(7000222, s.ClientID)
	}
	return fail
}
