package entratest_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/fibermsal/fibermsal/entratest"
)

// A running app still trusts an emulator after its restart.
func TestListen_AuthorityInADirectorySurvivesARestart(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "state", "ca")
	first := newServer(t)
	if err := first.Listen(entratest.ListenConfig{CADir: dir}); err != nil {
		t.Fatal(err)
	}
	app := outside(t, first)
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second := newServer(t)
	if err := second.Listen(entratest.ListenConfig{CADir: dir}); err != nil {
		t.Fatal(err)
	}
	response, err := app.Get(second.Authority + "/discovery/v2.0/keys")
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if !bytes.Equal(first.CAPEM(), second.CAPEM()) {
		t.Error("the restarted server has another authority")
	}
	checkModes(t, dir)
}

func checkModes(t *testing.T, dir string) {
	t.Helper()
	info, err := os.Stat(dir)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the directory has %v, %v", info.Mode(), err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Fatalf("%v, %v", entries, err)
	}
	if info, err = entries[0].Info(); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key's file has %v, %v", info.Mode(), err)
	}
}

func TestListen_ServersThatStartTogetherShareTheAuthority(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "ca")
	servers := make([]*entratest.Server, 8)
	var starting sync.WaitGroup
	for i := range servers {
		servers[i] = newServer(t)
		starting.Go(func() {
			if err := servers[i].Listen(entratest.ListenConfig{CADir: dir}); err != nil {
				t.Error(err)
			}
		})
	}
	starting.Wait()
	for _, s := range servers {
		if !bytes.Equal(s.CAPEM(), servers[0].CAPEM()) {
			t.Error("two authorities")
		}
	}
}

func TestListen_RefusesAnAuthorityThatIsOpenOrBroken(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "ca")
	if err := newServer(t).Listen(entratest.ListenConfig{CADir: dir}); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%v, %v", files, err)
	}
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := newServer(t).Listen(entratest.ListenConfig{CADir: dir}); err == nil || !strings.Contains(err.Error(), "other users can write to "+dir) {
		t.Errorf("a directory open to others: %v", err)
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	refused := func(want string) {
		t.Helper()
		s := newServer(t)
		if err := s.Listen(entratest.ListenConfig{CADir: dir}); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), files[0]) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	if err := os.Chmod(files[0], 0o644); err != nil {
		t.Fatal(err)
	}
	refused("chmod 600")
	if err := os.WriteFile(files[0], []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(files[0], 0o600); err != nil {
		t.Fatal(err)
	}
	refused("does not hold a certificate authority")
}

// openid-client 6 and passport-azure-ad do not accept plain http.
func TestListen_PagesCanBeHTTPS(t *testing.T) {
	t.Parallel()
	s := newServer(t, entratest.WithAutoSignIn())
	if err := s.Listen(entratest.ListenConfig{HTTPSPages: true}); err != nil {
		t.Fatal(err)
	}
	document := get(t, s, s.Authority+"/v2.0/.well-known/openid-configuration").json(t)
	for _, name := range []string{"authorization_endpoint", "end_session_endpoint"} {
		if got := text(t, document[name]); !strings.HasPrefix(got, "https://login.localhost:") || !strings.HasPrefix(got, s.BrowserURL+"/") {
			t.Errorf("%s is %s", name, got)
		}
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(s.CAPEM())
	client := &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: "login.localhost", MinVersion: tls.VersionTLS12},
	}}
	_, query, _ := strings.Cut(authorizeURL(s, "login_hint=adelev@contoso.com"), "?")
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.Authority+"/oauth2/v2.0/authorize?"+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = strings.TrimPrefix(s.BrowserURL, "https://")
	page := do(t, client, r)
	cookies := page.Cookies()
	if page.Header.Get(entratest.PageHeader) != "form_post" || len(cookies) != 1 || !cookies[0].Secure || cookies[0].SameSite != http.SameSiteNoneMode {
		t.Errorf("%q with %v", page.Header.Get(entratest.PageHeader), cookies)
	}
	if r, err := s.SignIn(text(t, document["authorization_endpoint"])+"?"+query, "adelev@contoso.com"); err != nil || r.Values.Get("code") == "" {
		t.Errorf("SignIn: %v, %v", r, err)
	}
}
