package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// redirectURI is the URI that Auth.js forms by itself.
const redirectURI = "https://app.example/auth/callback/microsoft-entra-id"

const spaRedirectURI = "https://spa.example/callback"

const clientID = "00001111-aaaa-2222-bbbb-3333cccc4444"

// emulator is a running cmd/entra-emulator.
type emulator struct {
	command     *exec.Cmd
	ready       string // the line that it printed
	caFile      string
	certificate string // of the application, with its key
}

// startEmulator builds and starts it.
func startEmulator(ctx context.Context, dir string) (*emulator, error) {
	program := filepath.Join(dir, "entra-emulator")
	build := exec.CommandContext(ctx, "go", "build", "-o", program, "./cmd/entra-emulator")
	build.Dir, build.Stderr = "../..", os.Stderr
	if err := build.Run(); err != nil {
		return nil, fmt.Errorf("building the emulator: %w", err)
	}
	e := &emulator{caFile: filepath.Join(dir, "ca.pem"), certificate: filepath.Join(dir, "app.pem")}
	if err := errors.Join(writeCertificate(e.certificate), writeAnswers(filepath.Join(dir, "graph"))); err != nil {
		return nil, err
	}
	e.command = exec.CommandContext(ctx, program,
		"-http", "127.0.0.1:0", "-https", "127.0.0.1:0", "-https-pages", "-auto", "-client-id", clientID,
		"-redirect-uri", redirectURI, "-spa-redirect-uri", spaRedirectURI, "-certificate", e.certificate, "-ca-out", e.caFile, "-app-permission", "User.Read.All",
		"-api", "api://"+clientID+" access_as_user", "-graph-files", filepath.Join(dir, "graph"))
	e.command.Cancel = func() error { return e.command.Process.Signal(syscall.SIGTERM) }
	e.command.Stderr = os.Stderr
	stdout, err := e.command.StdoutPipe()
	if err == nil {
		err = e.command.Start()
	}
	if err != nil {
		return nil, err
	}
	e.ready, err = bufio.NewReader(stdout).ReadString('\n')
	if err == nil && !json.Valid([]byte(e.ready)) {
		err = errors.New("it is no JSON")
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("the emulator's line: %w", err), e.stop())
	}
	return e, nil
}

func (e *emulator) stop() error {
	_ = e.command.Process.Signal(syscall.SIGTERM) // fails only if the process has ended
	return e.command.Wait()
}

// environment returns the environment of the clients. It contains the address and the certificate of
// the emulator in the form that each client expects.
func (e *emulator) environment() []string {
	return append(os.Environ(), "EMULATOR="+e.ready, "REDIRECT_URI="+redirectURI, "SPA_REDIRECT_URI="+spaRedirectURI, "CERTIFICATE="+e.certificate,
		"NODE_EXTRA_CA_CERTS="+e.caFile, "REQUESTS_CA_BUNDLE="+e.caFile, "SSL_CERT_FILE="+e.caFile,
		"PYTHONDONTWRITEBYTECODE=1", "NODE_NO_WARNINGS=1")
}

// writeCertificate writes the certificate that an app uses instead of a secret.
func writeCertificate(name string) error {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	text := append(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}),
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	return os.WriteFile(name, text, 0o600)
}

// writeAnswers writes the responses for a part of Graph that the emulator does not serve.
func writeAnswers(dir string) error {
	const adele = "87d349ed-44d7-43e1-9a83-5f2406dee5bd"
	file := filepath.Join(dir, "users", adele, "messages.json")
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	return os.WriteFile(file, []byte(`{"value":[{"subject":"from a file"}]}`), 0o600)
}
