package main_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// ask sends a request and reads the answer.
func ask(t *testing.T, client *http.Client, method, target, header, body string) (status int, answer string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if name, value, ok := strings.Cut(header, ": "); ok {
		r.Header.Set(name, value)
	}
	response, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(content)
}

// token gets one of the application itself, authenticated by HTTP Basic.
func token(t *testing.T, client *http.Client, r ready, scope string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.Authority+"/oauth2/v2.0/token",
		strings.NewReader(url.Values{"grant_type": {"client_credentials"}, "scope": {scope}}.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.SetBasicAuth(url.QueryEscape(r.ClientID), url.QueryEscape(r.ClientSecret))
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	var body struct {
		Token string `json:"access_token"`
		Error string `json:"error_description"`
	}
	if err := json.NewDecoder(response.Body).Decode(&body); err != nil || body.Token == "" {
		t.Fatalf("%s, %v", body.Error, err)
	}
	return body.Token
}

// A running app continues to work after a restart of the emulator, because the authority and the secret
// stay the same.
func TestProgram_KeepsItsStateForTheNextRun(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "state")
	var first ready
	t.Run("first", func(t *testing.T) { first = start(t, "-state-dir", dir) }) //nolint:paralleltest // one after the other
	client := trusting(t, filepath.Join(dir, "ca.pem"))
	second := start(t, "-state-dir", dir)
	if second.ClientSecret != first.ClientSecret || first.ClientSecret == "" || second.CAFile != first.CAFile || first.CAFile != filepath.Join(dir, "ca.pem") {
		t.Errorf("%+v and %+v", first, second)
	}
	if token(t, client, second, "https://graph.microsoft.com/.default") == "" {
		t.Error("no token")
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 3 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, file := range files {
		info, err := file.Info()
		if err != nil || (file.Name() != "ca.pem" && info.Mode().Perm() != 0o600) {
			t.Errorf("%s has %v, %v", file.Name(), info.Mode(), err)
		}
	}
	if third := start(t, "-state-dir", dir, "-client-secret", "mine"); third.ClientSecret != "mine" {
		t.Errorf("the flag gives %q", third.ClientSecret)
	}
}

// Files and links that other users have put into a directory are neither read nor followed.
func TestProgram_TouchesNothingInADirectoryOfOthers(t *testing.T) {
	t.Parallel()
	dir, target := t.TempDir(), filepath.Join(t.TempDir(), "elsewhere")
	if err := os.Symlink(target, filepath.Join(dir, "client-secret")); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), program, "-http", "127.0.0.1:0", "-https", "127.0.0.1:0", "-state-dir", dir)
	out, _ := command.CombinedOutput() // the status is what matters
	if command.ProcessState.ExitCode() != 1 || !strings.Contains(string(out), "other users can write to "+dir) {
		t.Errorf("%v: %s", command.ProcessState, out)
	}
	if _, err := os.Stat(target); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a link was followed: %v", err)
	}
}

func TestProgram_ServesGraphFromFilesToItsUsers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	files := map[string]string{
		"users.json":                             `[{"id":"00000000-0000-4000-8000-000000000001","upn":"eve@contoso.com","displayName":"Eve","homeTenantID":"bbbbcccc-1111-dddd-2222-eeee3333ffff","homeID":"7fa096fb-af54-4e53-8283-51a0be605f06"}]`,
		"graph/users/eve@contoso.com/drive.json": `{"name":"OneDrive"}`,
		"secret.json":                            `{}`,
	}
	for name, text := range files {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(filepath.Join(dir, "secret.json"), filepath.Join(dir, "graph/link.json")); err != nil {
		t.Fatal(err)
	}
	r := start(t, "-users", filepath.Join(dir, "users.json"), "-graph-files", filepath.Join(dir, "graph"), "-app-permission", "User.Read.All",
		"-api", "api://orders v1 Orders.Read", "-app-permission", "api://orders/Orders.Process")
	if len(r.Users) != 1 || r.Users[0].Name != "Eve" {
		t.Fatalf("users %+v", r.Users)
	}
	client := trusting(t, r.CAFile)
	bearer := "Authorization: Bearer " + token(t, client, r, "https://graph.microsoft.com/.default")
	for path, want := range map[string]struct {
		status int
		body   string
	}{
		"/users/eve@contoso.com/drive":        {200, `{"name":"OneDrive"}`},
		"/users/eve@contoso.com":              {200, `"displayName":"Eve"`},
		"/users/eve@contoso.com/photo/$value": {401, "UnknownError"},
		"/link":                               {500, "escapes"},
	} {
		if status, body := ask(t, client, http.MethodGet, r.GraphURL+path, bearer, ""); status != want.status || !strings.Contains(body, want.body) {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	if raw := token(t, client, r, "api://orders/.default"); strings.Count(raw, ".") != 2 {
		t.Errorf("the API's token is %s", raw)
	}
}

func TestProgram_HasPagesOnHTTPSAndAnotherIssuer(t *testing.T) {
	t.Parallel()
	r := start(t, "-https-pages", "-external-id", "-cloud", "us-government")
	status, document := ask(t, trusting(t, r.CAFile), http.MethodGet, r.Authority+"/v2.0/.well-known/openid-configuration", "", "")
	var names struct{ Issuer, Authorization_endpoint, End_session_endpoint string }
	if err := json.Unmarshal([]byte(document), &names); err != nil || status != 200 {
		t.Fatalf("%d, %v", status, err)
	}
	if names.Issuer != "https://"+r.TenantID+".ciamlogin.com/"+r.TenantID+"/v2.0" {
		t.Errorf("issuer %s", names.Issuer)
	}
	for _, page := range []string{names.Authorization_endpoint, names.End_session_endpoint} {
		if !strings.HasPrefix(page, "https://login.localhost:") || !strings.HasPrefix(page, r.BrowserURL+"/") {
			t.Errorf("%s is not at %s", page, r.BrowserURL)
		}
	}
}

func TestProgram_PrintsExportCommands(t *testing.T) {
	t.Parallel()
	const secret = "it's $HOME; `x`"
	command := exec.CommandContext(t.Context(), program, "-http", "127.0.0.1:0", "-https", "127.0.0.1:0", "-env",
		"-client-secret", secret, "-redirect-uri", "https://app.example/cb", "-redirect-uri", redirectURI)
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
	stdout, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	var script strings.Builder
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		script.WriteString(lines.Text() + "\n")
		if strings.HasPrefix(lines.Text(), "# export SSL_CERT_FILE=") {
			break
		}
	}
	_ = command.Process.Signal(syscall.SIGTERM)
	_ = command.Wait()
	out, err := exec.Command("sh", "-c", script.String()+"env").Output()
	if err != nil {
		t.Fatalf("%v in\n%s", err, script.String())
	}
	got := map[string]string{}
	for line := range strings.Lines(string(out)) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		got[name] = value
	}
	if got["FIBERMSAL_CLIENT_SECRET"] != secret || got["AZURE_CLIENT_SECRET"] != secret || got["FIBERMSAL_PUBLIC_URL"] != "http://localhost:3000" {
		t.Errorf("%s", script.String())
	}
	if got["AZURE_AUTHORITY_HOST"]+got["AZURE_TENANT_ID"] != got["FIBERMSAL_AUTHORITY"] || !strings.HasPrefix(got["NODE_EXTRA_CA_CERTS"], "/") ||
		!strings.Contains(script.String(), "browser_url") {
		t.Errorf("%s", script.String())
	}
}
