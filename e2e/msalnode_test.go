package e2e

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/fibermsal/fibermsal/internal/redistest"
)

// The emulator is a program for clients in any language. Microsoft's own client for another platform
// signs in at it. msalnode/check.mjs contains the checks.
func TestMSALNode_SignsInAtTheEmulator(t *testing.T) {
	t.Parallel()
	node := redistest.Node(t, "msalnode")
	const redirectURI = "https://app.example/user/authorized"
	ca := filepath.Join(t.TempDir(), "ca.pem")
	certificate, key := newClientCertificate(t)
	ready := emulatorProcess(t, "-auto", "-ca-out", ca, "-redirect-uri", redirectURI, "-certificate", certificate)

	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, node, "--test-reporter=tap", "check.mjs")
	cmd.Dir = "msalnode"
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "NODE_EXTRA_CA_CERTS=" + ca,
		"EMULATOR=" + ready, "REDIRECT_URI=" + redirectURI, "CERTIFICATE=" + certificate, "PRIVATE_KEY=" + key,
	}
	cmd.WaitDelay = time.Second
	redistest.DieWithTest(cmd)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s check.mjs: %v\n%s", node, err, out)
	}
	// A file whose tests are never reached also ends successfully.
	if !regexp.MustCompile(`(?m)^# pass [1-9]`).Match(out) || !regexp.MustCompile(`(?m)^# skipped 0$`).Match(out) {
		t.Errorf("not every check was made:\n%s", out)
	}
}

// newClientCertificate returns the certificate that an app uses instead of a secret. Entra accepts RSA
// keys only.
func newClientCertificate(t *testing.T) (certFile, keyFile string) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	certDER, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return writePEM(t, "app.pem", "CERTIFICATE", certDER), writePEM(t, "app.key", "PRIVATE KEY", keyDER)
}
