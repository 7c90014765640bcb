package fibermsal_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/internal/freeport"
	"github.com/fibermsal/fibermsal/internal/redistest"
)

// certificates are the certificates of a private network, each in a PEM file.
type certificates struct{ authority, server, client string }

func newCertificates(t *testing.T) certificates {
	t.Helper()
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "private CA"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	caKey, caPEM := sign(t, ca, ca, nil)
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "redis"}, NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"localhost"},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	_, serverPEM := sign(t, leaf, ca, caKey)
	_, clientPEM := sign(t, leaf, ca, caKey)
	return certificates{file(t, caPEM), file(t, serverPEM), file(t, clientPEM)}
}

// sign returns a certificate and its new key, both as PEM. Without an authority's key the certificate
// is self-signed.
func sign(t *testing.T, template, parent *x509.Certificate, parentKey *ecdsa.PrivateKey) (*ecdsa.PrivateKey, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if parentKey == nil {
		parentKey = key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), parentKey)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return key, string(append(text, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})...))
}

func contentOf(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// secured is a Redis that supports TLS, too.
func secured(t *testing.T, certs certificates, authClients string) (server *redistest.Server, address string) {
	t.Helper()
	port := freeport.For(t)
	server = redistest.Start(t, "--tls-port", port, "--tls-cert-file", certs.server, "--tls-key-file", certs.server,
		"--tls-ca-cert-file", certs.authority, "--tls-auth-clients", authClients)
	return server, "rediss://127.0.0.1:" + port + "/0?read_timeout=10s&dial_timeout=10s"
}

func TestConfigFromEnv_RedisWithPrivateCertificates(t *testing.T) {
	certs := newCertificates(t)
	_, address := secured(t, certs, "yes")
	idp := newRegistration(t)
	for name, c := range map[string]struct {
		env  map[string]string
		want string
	}{
		"authority and client certificate": {map[string]string{"CA_FILE": certs.authority, "REDIS_CERTIFICATE_FILE": certs.client}, adele},
		"without a client certificate":     {map[string]string{"CA_FILE": certs.authority}, ""},
		"without the authority":            {map[string]string{"REDIS_CERTIFICATE_FILE": certs.client}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			c.env["REDIS_URL"] = address
			cfg, err := withEnv(t, c.env)
			if err != nil {
				t.Fatal(err)
			}
			b := newSite(t, idp, func(s *fibermsal.Config) { s.Storage, s.Keys = cfg.Storage, [][]byte{testKey(1)} }).browser()
			a := b.Send(b.approve(b.start(""), adele).Request())
			if got := a.StatusCode == http.StatusSeeOther; got != (c.want != "") {
				t.Fatalf("status %d\n%s", a.StatusCode, b.log)
			}
			if c.want != "" && b.user() != c.want {
				t.Error("not signed in")
			}
		})
	}
}

func TestConfigFromEnv_RedisConnectionIsChecked(t *testing.T) {
	certs := newCertificates(t)
	const oid = "00000000-0000-0000-0000-00000000000a"
	for name, c := range map[string]struct {
		env  map[string]string
		want string
	}{
		"a client certificate without TLS":     {map[string]string{"REDIS_URL": "redis://127.0.0.1:1", "REDIS_CERTIFICATE_FILE": certs.client}, "FMTEST_REDIS_URL must begin with rediss://"},
		"a client certificate without Redis":   {map[string]string{"REDIS_CERTIFICATE_FILE": certs.client}, "FMTEST_REDIS_CERTIFICATE_FILE needs FMTEST_REDIS_URL"},
		"a client certificate that is none":    {map[string]string{"REDIS_URL": "rediss://127.0.0.1:1", "REDIS_CERTIFICATE_FILE": file(t, "canary")}, "FMTEST_REDIS_CERTIFICATE_FILE names a file without"},
		"a client certificate that is missing": {map[string]string{"REDIS_URL": "rediss://127.0.0.1:1", "REDIS_CERTIFICATE_FILE": "/nonexistent"}, "FMTEST_REDIS_CERTIFICATE_FILE cannot be read"},
		"tokens without TLS":                   {map[string]string{"REDIS_URL": "redis://127.0.0.1:1", "REDIS_ENTRA_USER": oid}, "FMTEST_REDIS_URL must begin with rediss://"},
		"tokens without Redis":                 {map[string]string{"REDIS_ENTRA_USER": oid}, "FMTEST_REDIS_ENTRA_USER needs FMTEST_REDIS_URL"},
		"tokens beside a password":             {map[string]string{"REDIS_URL": "rediss://:canary@127.0.0.1:1", "REDIS_ENTRA_USER": oid}, "contains a user or password"},
		"a user that is no object ID":          {map[string]string{"REDIS_URL": "rediss://127.0.0.1:1", "REDIS_ENTRA_USER": "canary"}, "FMTEST_REDIS_ENTRA_USER must be the object ID"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg, err := withEnv(t, c.env)
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "canary") {
				t.Errorf("%v", err)
			}
			if cfg.Storage != nil {
				t.Error("a storage beside the error")
			}
		})
	}
}
