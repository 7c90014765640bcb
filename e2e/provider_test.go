package e2e

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/fibermsal/fibermsal/entratest"
)

// provider is an emulated Entra ID with Graph, as an app is configured with it.
type provider struct {
	authority, graphURL    string
	clientID, clientSecret string
	caFile                 string
	// server is nil where the emulator is a process of its own.
	server *entratest.Server
}

// emulatorFor runs the emulator in this process, listening on loopback for the site. Its secrets and
// counters are available to the test.
func emulatorFor(t *testing.T, s site, options ...entratest.Option) *provider {
	t.Helper()
	idp := entratest.New(append([]entratest.Option{
		entratest.WithRedirectURI(s.at("/user/authorized")), entratest.WithLogoutURI(s.at("/")),
	}, options...)...)
	if err := idp.Listen(entratest.ListenConfig{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = idp.Close() })
	return &provider{
		authority: idp.Authority, graphURL: idp.GraphURL, clientID: idp.ClientID, clientSecret: idp.ClientSecret,
		caFile: writeFile(t, "ca.pem", idp.CAPEM()), server: idp,
	}
}

// emulatorProcess runs cmd/entra-emulator and returns the line that it prints when it is ready.
func emulatorProcess(t *testing.T, args ...string) string {
	t.Helper()
	q := run(t, emulator, nil, append([]string{"-http", "127.0.0.1:0", "-https", "127.0.0.1:0"}, args...)...)
	q.await("ready", func() bool { return strings.Contains(q.stdout.String(), "\n") })
	return q.stdout.String()
}

// emulatorProcessFor runs cmd/entra-emulator, as tests in other languages do, for
// the site.
func emulatorProcessFor(t *testing.T, s site) *provider {
	t.Helper()
	line := emulatorProcess(t, "-redirect-uri", s.url+"/user/authorized", "-logout-uri", s.url+"/")
	var ready struct {
		Authority    string `json:"authority"`
		GraphURL     string `json:"graph_url"`
		ClientID     string `json:"client_id"`
		ClientSecret string `json:"client_secret"`
		CAFile       string `json:"ca_file"`
	}
	if err := json.Unmarshal([]byte(line), &ready); err != nil {
		t.Fatalf("the emulator's ready line: %v\n%s", err, line)
	}
	return &provider{
		authority: ready.Authority, graphURL: ready.GraphURL, clientID: ready.ClientID, clientSecret: ready.ClientSecret,
		caFile: ready.CAFile,
	}
}
