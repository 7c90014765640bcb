package loopback

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"time"
)

// authority signs the certificates of the secure listener.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// authorityLife is the lifetime of an authority that is stored in a directory. Other authorities end
// with their process.
const authorityLife = 5 // years

// newAuthority returns an authority for names and addresses of this machine. The constraint (RFC 5280,
// 4.2.1.10) protects developers who trust the authority for longer than one test, because its key
// cannot be used for any other host.
func newAuthority() (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("entratest: %w", err)
	}
	template := certificateTemplate("entratest local CA")
	template.NotAfter = time.Now().AddDate(authorityLife, 0, 0)
	template.IsCA, template.BasicConstraintsValid, template.MaxPathLenZero = true, true, true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	template.PermittedDNSDomainsCritical, template.PermittedDNSDomains = true, []string{"localhost"}
	template.PermittedIPRanges = []*net.IPNet{
		{IP: net.IPv4(127, 0, 0, 0).To4(), Mask: net.CIDRMask(8, 32)},
		{IP: net.IPv6loopback, Mask: net.CIDRMask(128, 128)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("entratest: %w", err)
	}
	// Parsed, because only then it has the Subject Key Identifier that the certificates it signs must name.
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("entratest: %w", err)
	}
	return &authority{certificate: certificate, key: key}, nil
}

const (
	certificateBlock = "CERTIFICATE"
	keyBlock         = "PRIVATE KEY"
)

// publicPEM returns the certificate that clients must trust.
func (a *authority) publicPEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: certificateBlock, Bytes: a.certificate.Raw})
}

// encode writes the certificate and the key.
func (a *authority) encode() ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(a.key)
	if err != nil {
		return nil, fmt.Errorf("entratest: %w", err)
	}
	return append(a.publicPEM(), pem.EncodeToMemory(&pem.Block{Type: keyBlock, Bytes: der})...), nil
}

var errMalformed = errors.New("it does not hold a certificate authority of the emulator")

// decodeAuthority reads an authority that was written by encode.
func decodeAuthority(text []byte) (*authority, error) {
	first, rest := pem.Decode(text)
	second, _ := pem.Decode(rest)
	if first == nil || second == nil || first.Type != certificateBlock || second.Type != keyBlock {
		return nil, errMalformed
	}
	certificate, err := x509.ParseCertificate(first.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errMalformed, err)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(second.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errMalformed, err)
	}
	key, ok := parsed.(*ecdsa.PrivateKey)
	if !ok || !certificate.IsCA || !key.PublicKey.Equal(certificate.PublicKey) {
		return nil, errMalformed
	}
	return &authority{certificate: certificate, key: key}, nil
}

// ending reports whether the authority expires before a certificate that is issued now.
func (a *authority) ending() bool {
	return time.Now().AddDate(certificateLife, 0, 0).After(a.certificate.NotAfter)
}
