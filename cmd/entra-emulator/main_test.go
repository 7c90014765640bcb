package main_test

import (
	"bufio"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"
)

const redirectURI = "http://localhost:3000/user/authorized"

var program string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "entra-emulator-test-")
		if err != nil {
			panic(err)
		}
		defer func() { _ = os.RemoveAll(dir) }()
		program = filepath.Join(dir, "entra-emulator")
		if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
			panic(string(out))
		}
		return m.Run()
	}())
}

type ready struct {
	Authority    string `json:"authority"`
	GraphURL     string `json:"graph_url"`
	BrowserURL   string `json:"browser_url"`
	TenantID     string `json:"tenant_id"`
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`
	CAFile       string `json:"ca_file"`
	Users        []struct {
		ID, UPN, Name string
		Mail          *string
	} `json:"users"`
}

// start runs the program and reads its ready line. It is stopped, and must stop cleanly, at the end.
func start(t *testing.T, args ...string) ready {
	t.Helper()
	command := exec.CommandContext(t.Context(), program, append([]string{"-http", "127.0.0.1:0", "-https", "127.0.0.1:0"}, args...)...)
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
	command.Stderr = os.Stderr
	stdout, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(stdout)
	line, err := lines.ReadBytes('\n')
	if err != nil {
		t.Fatal(err)
	}
	var r ready
	if err := json.Unmarshal(line, &r); err != nil {
		t.Fatalf("%v in %s", err, line)
	}
	t.Cleanup(func() {
		_ = command.Process.Signal(syscall.SIGTERM)
		rest, _ := lines.ReadString(0)
		if rest != "" {
			t.Errorf("more than one line: %s", rest)
		}
		if err := command.Wait(); command.ProcessState.ExitCode() != 0 {
			t.Errorf("stopping: %v", err)
		}
	})
	return r
}

func TestProgram_lets_MSAL_sign_in(t *testing.T) {
	t.Parallel()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	r := start(t, "-auto", "-ca-out", ca, "-redirect-uri", redirectURI, "-redirect-uri", "https://app.example/cb",
		"-tenant", "12345678-0000-4000-8000-000000000000", "-client-id", "87654321-0000-4000-8000-000000000000", "-client-secret", "s3cret")
	if r.CAFile != ca || r.ClientSecret != "s3cret" || !strings.HasSuffix(r.Authority, "/12345678-0000-4000-8000-000000000000") || len(r.Users) < 10 {
		t.Fatalf("the ready line says %+v", r)
	}
	client := trusting(t, ca)
	credential, err := confidential.NewCredFromSecret(r.ClientSecret)
	if err != nil {
		t.Fatal(err)
	}
	app, err := confidential.New(r.Authority, r.ClientID, credential, confidential.WithHTTPClient(client), confidential.WithInstanceDiscovery(false))
	if err != nil {
		t.Fatal(err)
	}
	pageURL, err := app.AuthCodeURL(t.Context(), r.ClientID, redirectURI, []string{"openid", "profile", "offline_access", "User.Read"}, confidential.WithLoginHint(r.Users[0].UPN))
	if err != nil {
		t.Fatal(err)
	}
	result, err := app.AcquireTokenByAuthCode(t.Context(), code(t, client, pageURL), redirectURI, []string{"User.Read"})
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.GraphURL+"/me", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+result.AccessToken)
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	var me struct{ ID string }
	if err := json.NewDecoder(response.Body).Decode(&me); err != nil || me.ID != r.Users[0].ID {
		t.Errorf("/me is %v, %v", me, err)
	}
}

func TestProgram_lets_the_application_act_as_itself(t *testing.T) {
	t.Parallel()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	r := start(t, "-ca-out", ca, "-app-permission", "User.Read.All")
	client := trusting(t, ca)
	credential, err := confidential.NewCredFromSecret(r.ClientSecret)
	if err != nil {
		t.Fatal(err)
	}
	app, err := confidential.New(r.Authority, r.ClientID, credential, confidential.WithHTTPClient(client), confidential.WithInstanceDiscovery(false))
	if err != nil {
		t.Fatal(err)
	}
	result, err := app.AcquireTokenByCredential(t.Context(), []string{"https://graph.microsoft.com/.default"})
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.GraphURL+"/users/"+r.Users[0].ID, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+result.AccessToken)
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	if _ = response.Body.Close(); response.StatusCode != http.StatusOK {
		t.Errorf("/users is %d", response.StatusCode)
	}
}

// trusting is a client that trusts the CA file and does not follow redirects.
func trusting(t *testing.T, ca string) *http.Client {
	t.Helper()
	pem, err := os.ReadFile(ca)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// code opens the authorize URL, whose host only browsers resolve, and reads the redirect.
func code(t *testing.T, client *http.Client, authorizeURL string) string {
	t.Helper()
	response, err := client.Get(strings.Replace(authorizeURL, "login.localhost", "127.0.0.1", 1))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	location, err := url.Parse(response.Header.Get("Location"))
	if err != nil || location.Query().Get("code") == "" {
		t.Fatalf("%d to %q, %v", response.StatusCode, location, err)
	}
	return location.Query().Get("code")
}

// certificateFile writes a key and its certificate as they come from openssl, and returns both.
func certificateFile(t *testing.T) (string, *rsa.PrivateKey, *x509.Certificate) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "app.pem")
	text := append(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}),
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return file, key, certificate
}

func TestProgram_knows_certificates_and_the_front_channel(t *testing.T) {
	t.Parallel()
	file, key, certificate := certificateFile(t)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	r := start(t, "-auto", "-ca-out", ca, "-redirect-uri", redirectURI, "-certificate", file, "-front-channel-logout-url", "http://app.localhost:3000/front")
	client := trusting(t, ca)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client.Jar = jar
	credential, err := confidential.NewCredFromCert([]*x509.Certificate{certificate}, key)
	if err != nil {
		t.Fatal(err)
	}
	app, err := confidential.New(r.Authority, r.ClientID, credential, confidential.WithHTTPClient(client), confidential.WithInstanceDiscovery(false))
	if err != nil {
		t.Fatal(err)
	}
	pageURL, err := app.AuthCodeURL(t.Context(), r.ClientID, redirectURI, []string{"openid", "profile", "User.Read"}, confidential.WithLoginHint(r.Users[0].UPN))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := app.AcquireTokenByAuthCode(t.Context(), code(t, client, pageURL), redirectURI, []string{"User.Read"}); err != nil {
		t.Fatal(err)
	}
	front, _, _ := strings.Cut(strings.Replace(pageURL, "login.localhost", "127.0.0.1", 1), "/oauth2/")
	response, err := client.Get(front + "/oauth2/v2.0/logout")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	page, err := io.ReadAll(response.Body)
	if err != nil || !strings.Contains(string(page), `<iframe src="http://app.localhost:3000/front?sid=`) {
		t.Errorf("%v in %s", err, page)
	}
}

func TestProgram_cleans_its_own_certificate_file_up(t *testing.T) {
	t.Parallel()
	var file string
	t.Run("running", func(t *testing.T) { //nolint:paralleltest // its end is what is tested
		file = start(t).CAFile
		if _, err := os.Stat(file); err != nil {
			t.Error(err)
		}
	})
	if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is left: %v", file, err)
	}
}

func TestProgram_says_what_is_wrong_with_its_flags(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		args   []string
		status int
		says   string
	}{
		"unknown flag":      {[]string{"-x"}, 2, "-x"},
		"argument":          {[]string{"start"}, 2, `unexpected argument "start"`},
		"tenant":            {[]string{"-tenant", "contoso"}, 2, "not a GUID"},
		"client":            {[]string{"-client-id", "app"}, 2, "not a GUID"},
		"redirect URI":      {[]string{"-redirect-uri", "http://app.example/"}, 2, "http://app.example/"},
		"front channel":     {[]string{"-front-channel-logout-url", "http://app.example/"}, 2, "http://app.example/"},
		"app permission":    {[]string{"-app-permission", "a b"}, 2, "the application permission a b"},
		"no certificate":    {[]string{"-certificate", "/nonexistent/app.pem"}, 2, "/nonexistent/app.pem"},
		"other certificate": {[]string{"-certificate", "main_test.go"}, 2, "no certificate in PEM"},
		"cloud":             {[]string{"-cloud", "mars"}, 2, `no cloud "mars"`},
		"API":               {[]string{"-api", "orders"}, 2, `API URI "orders"`},
		"no users":          {[]string{"-users", "/nonexistent/users.json"}, 2, "/nonexistent/users.json"},
		"other users":       {[]string{"-users", "main_test.go"}, 2, "main_test.go: invalid"},
		"no answers":        {[]string{"-graph-files", "/nonexistent"}, 2, "/nonexistent"},
		"state in a file":   {[]string{"-state-dir", "main_test.go/x"}, 1, "not a directory"},
		"open address":      {[]string{"-http", "0.0.0.0:0"}, 2, "loopback"},
		"malformed address": {[]string{"-http", "127.0.0.1:0", "-https", "8443"}, 2, "8443"},
		"unwritable file":   {[]string{"-http", "127.0.0.1:0", "-https", "127.0.0.1:0", "-ca-out", "/nonexistent/ca.pem"}, 1, "/nonexistent/ca.pem"},
		"help":              {[]string{"-help"}, 0, "-redirect-uri"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			command := exec.CommandContext(t.Context(), program, tt.args...)
			out, _ := command.CombinedOutput() // the status is what matters
			if got := command.ProcessState.ExitCode(); got != tt.status || !strings.Contains(string(out), tt.says) {
				t.Errorf("status %d, says %s", got, out)
			}
		})
	}
}

func TestProgram_says_how_to_avoid_a_port_in_use(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = taken.Close() })
	out, err := exec.Command(program, "-http", taken.Addr().String(), "-https", "127.0.0.1:0").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "choose other addresses with -http and -https") {
		t.Errorf("%v: %s", err, out)
	}
}
