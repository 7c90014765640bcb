// Package clientauth authenticates the application at the token endpoint.
package clientauth

import (
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Secret is entratest.Secret, whose fields are documented there.
type Secret struct {
	Value   string
	Expires time.Time
}

// exchangeAudience is the audience of tokens for workload identity federation in the public cloud.
const exchangeAudience = "api://AzureADTokenExchange"

// Federated is entratest.FederatedCredential, whose fields are documented there.
type Federated struct {
	Issuer, Subject string
	Audience        string
	Keys            []*rsa.PublicKey
}

// Credentials are the credentials with which the application can authenticate. They are safe for
// concurrent use.
type Credentials struct {
	audience string // of federated credentials without an audience

	mu           sync.Mutex // guards what follows
	secrets      []Secret
	certificates []*x509.Certificate
	federated    []Federated
	used         map[string]time.Time // jti of the accepted assertions, with their expiry
}

// Config contains the registered credentials.
type Config struct {
	Secrets      []Secret
	Certificates []*x509.Certificate
	Federated    []Federated
	Exchange     string // end of the default audience, which depends on the cloud
}

// New returns credentials.
func New(config Config) *Credentials {
	c := &Credentials{audience: exchangeAudience + config.Exchange, used: map[string]time.Time{}}
	c.SetSecrets(config.Secrets)
	c.SetCertificates(config.Certificates)
	c.SetFederated(config.Federated)
	return c
}

// SetSecrets replaces the secrets.
func (c *Credentials) SetSecrets(secrets []Secret) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.secrets = slices.Clone(secrets)
}

// SetCertificates replaces the certificates.
func (c *Credentials) SetCertificates(certificates []*x509.Certificate) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.certificates = slices.Clone(certificates)
}

// SetFederated replaces the federated credentials.
func (c *Credentials) SetFederated(federated []Federated) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.federated = slices.Clone(federated)
	for i := range c.federated {
		if c.federated[i].Audience == "" {
			c.federated[i].Audience = c.audience
		}
	}
}

// CheckSecrets reports a secret that cannot be registered.
func CheckSecrets(secrets []Secret) error {
	for _, secret := range secrets {
		if secret.Value == "" {
			return errors.New("the client secret is empty")
		}
	}
	return nil
}

// CheckCertificates reports a certificate that cannot be registered.
func CheckCertificates(certificates []*x509.Certificate) error {
	for _, certificate := range certificates {
		if certificate == nil || !isRSA(certificate) {
			return errors.New("a certificate is nil or has no RSA key")
		}
	}
	return nil
}

// CheckFederated reports a federated credential that cannot be registered.
func CheckFederated(federated []Federated) error {
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
