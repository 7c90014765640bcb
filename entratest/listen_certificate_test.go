package entratest_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/fibermsal/fibermsal/entratest"
)

// presented is the certificate of the https listener.
func presented(t *testing.T, s *entratest.Server) *x509.Certificate {
	t.Helper()
	u, err := url.Parse(s.Authority)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(s.CAPEM())
	connection, err := tls.Dial("tcp", u.Host, &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = connection.Close() }()
	return connection.ConnectionState().PeerCertificates[0]
}

// RFC 5280, 4.2.1.1: Python 3.13 refuses a certificate without the identifier, as every client of OpenSSL with
// strict verification does.
func TestListen_CertificatePassesStrictVerification(t *testing.T) {
	t.Parallel()
	s := listening(t)
	leaf := presented(t, s)
	if len(leaf.AuthorityKeyId) == 0 {
		t.Error("the certificate has no Authority Key Identifier")
	}
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		if os.Getenv("FIBERMSAL_TEST_ALL") != "" {
			t.Fatal(err)
		}
		t.Skip("no openssl here")
	}
	ca, file := filepath.Join(t.TempDir(), "ca.pem"), filepath.Join(t.TempDir(), "leaf.pem")
	if err := os.WriteFile(ca, s.CAPEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf.Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range [][]string{{"-verify_ip", "127.0.0.1"}, {"-verify_hostname", "login.localhost"}} {
		args := append([]string{"verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", ca}, name...)
		if out, err := exec.Command(openssl, append(args, file)...).CombinedOutput(); err != nil {
			t.Errorf("%v: %v\n%s", name, err, out)
		}
	}
}

// A developer may trust the authority for months, so it must be valid for this machine only.
func TestListen_AuthorityVouchesForLoopbackOnly(t *testing.T) {
	t.Parallel()
	block, _ := pem.Decode(listening(t).CAPEM())
	ca, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	everything := net.CIDRMask(0, 32)
	for _, permitted := range ca.PermittedIPRanges {
		if permitted.Mask.String() == everything.String() || !permitted.IP.IsLoopback() {
			t.Errorf("permits %v", permitted)
		}
	}
	if !ca.PermittedDNSDomainsCritical || len(ca.PermittedDNSDomains) != 1 || ca.PermittedDNSDomains[0] != "localhost" {
		t.Errorf("permits %v", ca.PermittedDNSDomains)
	}
}
