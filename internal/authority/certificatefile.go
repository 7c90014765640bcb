package authority

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"os"
	"sync"
	"time"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"
)

// CertificateFile returns a client credential that uses a certificate and its unencrypted private key
// from a PEM file. The file is read again when it changes, so a certificate can be replaced without a
// restart: register the new certificate, then move the new file into place. While a changed file cannot
// be read, the previous certificate is used.
func CertificateFile(path string) ClientCredential { return &certificateFile{path: path} }

type certificateFile struct {
	path string

	mu      sync.Mutex
	current *certificate // nil until the file has been read
}

// certificate is the content of one version of the file.
type certificate struct {
	credential  confidential.Credential
	modified    time.Time
	size        int64
	from, until time.Time
}

// Credential implements ClientCredential.
func (f *certificateFile) Credential(context.Context) (confidential.Credential, error) {
	c, err := f.latest()
	if err != nil {
		return confidential.Credential{}, err
	}
	return c.credential, nil
}

// Validity returns the validity period of the certificate, or zero times if none has been read.
func (f *certificateFile) Validity() (from, until time.Time) {
	c, err := f.latest()
	if err != nil {
		return time.Time{}, time.Time{}
	}
	return c.from, c.until
}

// latest returns the certificate in the file, or the previous one if the file cannot be read.
func (f *certificateFile) latest() (*certificate, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	info, err := os.Stat(f.path)
	switch {
	case err != nil && f.current == nil:
		return nil, err
	case err != nil, f.current != nil && info.ModTime().Equal(f.current.modified) && info.Size() == f.current.size:
		return f.current, nil
	}
	changed, err := loadCertificate(f.path, info)
	if err == nil {
		f.current = changed
	}
	if f.current == nil {
		return nil, err
	}
	return f.current, nil
}

func loadCertificate(path string, info os.FileInfo) (*certificate, error) {
	pem, err := os.ReadFile(path) //nolint:gosec // the operator's own
	if err != nil {
		return nil, err
	}
	chain, key, err := confidential.CertFromPEM(pem, "")
	if err != nil {
		return nil, errors.New("the file has no PEM certificate with an unencrypted private key")
	}
	credential, err := confidential.NewCredFromCert(chain, key)
	if err != nil {
		return nil, errors.New("the private key does not match the certificate")
	}
	c := &certificate{credential: credential, modified: info.ModTime(), size: info.Size()}
	c.from, c.until = validityOf(chain, key)
	return c, nil
}

// validityOf returns the validity period of the certificate of a key. A file may contain a chain.
func validityOf(chain []*x509.Certificate, key crypto.PrivateKey) (from, until time.Time) {
	private, ok := key.(*rsa.PrivateKey)
	for _, c := range chain {
		if ok && private.PublicKey.Equal(c.PublicKey) {
			from, until = c.NotBefore, c.NotAfter
		}
	}
	return from, until
}
