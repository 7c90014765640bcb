package main

import (
	"encoding/base64"
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fibermsal/fibermsal"
)

var (
	goodKey  = base64.StdEncoding.EncodeToString([]byte("0123456789abcdef0123456789abcdef"))
	otherKey = base64.StdEncoding.EncodeToString([]byte("fedcba9876543210fedcba9876543210"))
)

// The library's variables that the tests set.
const (
	varKeys  = prefix + "KEYS"
	varMode  = prefix + "RESPONSE_MODE"
	varRedis = prefix + "REDIS_URL"
	varCA    = prefix + "CA_FILE"
)

// environment is a set of variables.
type environment map[string]string

// settings returns the settings of a process with these variables and no others of the library.
func (e environment) settings(t *testing.T) (*settings, error) {
	t.Helper()
	for _, entry := range os.Environ() {
		if name, _, _ := strings.Cut(entry, "="); name == varPort || strings.HasPrefix(name, prefix) {
			t.Setenv(name, "")
		}
	}
	for name, value := range e {
		t.Setenv(name, value)
	}
	s, err := settingsFromEnv()
	if err == nil && s.auth.Storage != nil {
		t.Cleanup(func() { _ = s.auth.Storage.Close() })
	}
	return s, err
}

// complete is an environment for a real tenant, with changes.
func complete(changes environment) environment {
	env := environment{
		varClientID: "00001111-aaaa-2222-bbbb-3333cccc4444", varSecret: "canary-secret",
		varTenant: "contoso.com", varPublicURL: "https://app.example.com",
	}
	for name, value := range changes {
		env[name] = value
	}
	return env
}

func TestSettings_MistakesAreReportedTogether(t *testing.T) {
	mounted := func(text string) string {
		path := filepath.Join(t.TempDir(), "mounted")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	empty, secret, publicAddress := mounted("nothing"), mounted("canary-secret\n"), mounted("https://app.example.com\n")
	for name, tc := range map[string]struct {
		env   environment
		wrong []string // the variables, in any order
	}{
		// If only a part of a tenant's settings is set, the emulator is never used.
		"secret alone":                 {environment{varSecret: "s"}, []string{varClientID, varTenant, varPublicURL}},
		"tenant alone":                 {environment{varTenant: "contoso.com"}, []string{varClientID, varSecret, varPublicURL}},
		"authority alone":              {environment{varAuthority: "https://login.microsoftonline.us/contoso.com"}, []string{varClientID, varSecret, varPublicURL}},
		"Graph alone":                  {environment{varGraphURL: "https://graph.microsoft.us/v1.0"}, []string{varClientID, varSecret, varTenant, varPublicURL}},
		"public address alone":         {environment{varPublicURL: "https://app.example.com"}, []string{varClientID, varSecret, varTenant}},
		"client id alone":              {environment{varClientID: "id"}, []string{varSecret, varTenant, varPublicURL}},
		"everything but the client id": {complete(environment{varClientID: ""}), []string{varClientID}},
		"blanks are nothing":           {complete(environment{varSecret: " \n"}), []string{varSecret}},

		"certificate of the app alone":  {environment{prefix + "CERTIFICATE_FILE": empty}, []string{prefix + "CERTIFICATE_FILE", varClientID, varSecret, varTenant, varPublicURL}},
		"managed identity alone":        {environment{prefix + "MANAGED_IDENTITY": "system"}, []string{varClientID, varTenant, varPublicURL}},
		"mounted secret alone":          {environment{varSecret + "_FILE": secret}, []string{varClientID, varTenant, varPublicURL}},
		"mounted public address alone":  {environment{varPublicURL + "_FILE": publicAddress}, []string{varClientID, varSecret, varTenant}},
		"spelling":                      {environment{prefix + "REDIS_URI": "canary-secret"}, []string{prefix + "REDIS_URI"}},
		"mounted secret and a spelling": {complete(environment{varSecret: "", varSecret + "_FILE": secret, prefix + "KEY": "x"}), []string{prefix + "KEY"}},
		"routes elsewhere":              {complete(environment{varRoutes: "/auth"}), []string{varRoutes}},
		"routes elsewhere below a path": {complete(environment{varBase: "/app", varRoutes: "/app/auth"}), []string{varRoutes}},
		"routes below no path":          {complete(environment{varRoutes: "/app/user"}), []string{varRoutes}},
		"not a path":                    {complete(environment{varBase: "app/"}), []string{varBase}},

		"tenant twice":         {complete(environment{varAuthority: "https://login.microsoftonline.com/contoso.com"}), []string{varAuthority}},
		"bad tenant":           {complete(environment{varTenant: "no tenant"}), []string{varTenant}},
		"many tenants":         {complete(environment{varTenant: "common"}), []string{varTenant}},
		"bad authority":        {complete(environment{varTenant: "", varAuthority: "http://login.example/x"}), []string{varAuthority}},
		"authority for many":   {complete(environment{varTenant: "", varAuthority: "https://login.microsoftonline.com/organizations"}), []string{varAuthority}},
		"plain http in public": {complete(environment{varPublicURL: "http://app.example.com"}), []string{varPublicURL}},
		"public path":          {complete(environment{varPublicURL: "https://app.example.com/app"}), []string{varPublicURL}},
		"Graph version":        {complete(environment{varGraphURL: "https://graph.microsoft.com/beta"}), []string{varGraphURL}},
		"response mode":        {complete(environment{varMode: "fragment"}), []string{varMode}},
		"port":                 {complete(environment{varPort: "http"}), []string{varPort}},
		"port too high":        {complete(environment{varPort: "65536"}), []string{varPort}},

		"Redis without keys":   {environment{varRedis: "redis://localhost:6379"}, []string{varKeys}},
		"bad Redis":            {environment{varRedis: "http://:canary-secret@localhost", varKeys: goodKey}, []string{varRedis}},
		"key not base64":       {environment{varKeys: "canary-secret"}, []string{varKeys}},
		"short key":            {environment{varKeys: goodKey + ",Y2FuYXJ5LXNlY3JldA=="}, []string{varKeys}},
		"key twice":            {environment{varKeys: goodKey + "," + goodKey}, []string{varKeys}},
		"no host":              {environment{varPublicURL: "localhost:3000"}, []string{varPublicURL}},
		"CA file missing":      {environment{varCA: "/nonexistent.pem"}, []string{varCA}},
		"CA file empty":        {environment{varCA: empty}, []string{varCA}},
		"certificate alone":    {environment{varCert: empty}, []string{varKey}},
		"key file alone":       {environment{varKey: empty}, []string{varCert}},
		"no certificate":       {environment{varCert: empty, varKey: empty}, []string{varCert}},
		"https served as http": {environment{varCert: empty, varKey: empty, varPublicURL: "http://localhost:3000"}, []string{varCert, varPublicURL}},

		"all at once": {
			environment{
				varSecret: "canary-secret", varPublicURL: "http://app.example.com", varGraphURL: "x", varKeys: "canary-secret",
				varMode: "x", varRedis: "x", varCA: "/nonexistent.pem", varPort: "x", varCert: "x", varEmulatorPort: "-1",
			},
			[]string{varClientID, varTenant, varPublicURL, varGraphURL, varKeys, varMode, varRedis, varCA, varPort, varKey, varEmulatorPort},
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := tc.env.settings(t)
			var wrong *environmentError
			if !errors.As(err, &wrong) {
				t.Fatalf("error: %v", err)
			}
			var named []string
			for _, mistake := range wrong.mistakes {
				variable, _, _ := strings.Cut(mistake, ":")
				named = append(named, variable)
			}
			slices.Sort(named)
			slices.Sort(tc.wrong)
			if !slices.Equal(named, tc.wrong) {
				t.Errorf("want %v, got %v", tc.wrong, wrong.mistakes)
			}
			if strings.Contains(err.Error(), "canary-secret") || strings.Contains(err.Error(), "Config.") {
				t.Errorf("the error says too much: %v", err)
			}
		})
	}
}

// A client id that is missing is reported with each variable that needs it.
func TestSettings_MissingClientIDNamesTheReasons(t *testing.T) {
	_, err := complete(environment{varClientID: "", varGraphURL: "https://graph.microsoft.com/v1.0"}).settings(t)
	for _, name := range []string{varSecret, varTenant, varGraphURL, varPublicURL} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s is not named: %v", name, err)
		}
	}
}

func TestSettings_OfTheEmulator(t *testing.T) {
	for name, tc := range map[string]struct {
		env       environment
		publicURL string // on port 4321
	}{
		"nothing":      {nil, "http://localhost:4321"},
		"its own":      {environment{varMode: "form_post", varPort: "4321", varKeys: goodKey}, "http://localhost:4321"},
		"localhost":    {environment{varPublicURL: "http://localhost:8080"}, "http://localhost:8080"},
		"a subdomain":  {environment{varPublicURL: "https://app.localhost:8443/"}, "https://app.localhost:8443/"},
		"with Redis":   {environment{varRedis: "redis://localhost:6379", varKeys: goodKey + " , " + otherKey}, "http://localhost:4321"},
		"times":        {environment{prefix + "IDLE_TIMEOUT": "1h", prefix + "SCOPES": "User.Read Mail.Read"}, "http://localhost:4321"},
		"blank values": {environment{varClientID: " ", varSecret: ""}, "http://localhost:4321"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := tc.env.settings(t)
			if err != nil {
				t.Fatal(err)
			}
			s.completePublicURL(&net.TCPAddr{Port: 4321})
			if !s.emulated || s.auth.PublicURL != tc.publicURL {
				t.Errorf("emulated %v at %s", s.emulated, s.auth.PublicURL)
			}
			if (s.auth.Storage != nil) != (tc.env[varRedis] != "") {
				t.Errorf("storage: %v", s.storageKind())
			}
		})
	}
}

func TestSettings_OfARealTenant(t *testing.T) {
	s, err := complete(environment{
		varGraphURL: "https://graph.microsoft.com/v1.0", varMode: "query", varPort: "0", varKeys: otherKey + "," + goodKey,
	}).settings(t)
	if err != nil {
		t.Fatal(err)
	}
	if s.emulated || s.port != 0 || s.auth.ResponseMode != fibermsal.ResponseModeQuery || len(s.auth.Keys) != 2 || s.auth.Keys[0][0] != 'f' {
		t.Errorf("settings: %+v, %v", s, s.auth)
	}
	if got := s.redirectURI(); got != "https://app.example.com/user/authorized" {
		t.Errorf("redirect URI: %s", got)
	}
	s, err = complete(environment{varPublicURL: "http://localhost:3000"}).settings(t)
	if err != nil || s.emulated || s.port != defaultPort {
		t.Errorf("on localhost: %v", err)
	}
}
