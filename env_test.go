package fibermsal_test

import (
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
)

// Tests of the environment are not parallel: a process has one.

const envPrefix = "FMTEST"

// withEnv reads a Config of the given variables, whose names are without the prefix.
func withEnv(t *testing.T, variables map[string]string, others ...string) (fibermsal.Config, error) {
	t.Helper()
	for name, value := range variables {
		t.Setenv(envPrefix+"_"+name, value)
	}
	cfg, err := fibermsal.ConfigFromEnv(envPrefix, others...)
	if cfg.Storage != nil {
		t.Cleanup(func() { _ = cfg.Storage.Close() })
	}
	return cfg, err
}

// file writes a file of the test's own.
func file(t *testing.T, content string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "mounted")
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func encoded(n byte) string { return base64.StdEncoding.EncodeToString(testKey(n)) }

const environmentTenant = "00000000-0000-0000-0000-000000000001"

// completeEnv has a variable for each field that text can say.
func completeEnv(t *testing.T) map[string]string {
	t.Helper()
	return map[string]string{
		"CLIENT_ID": "app", "CLIENT_SECRET": "secret-canary", "PREVIOUS_SECRETS": "secret-canary-2, secret-canary-3",
		"TENANT_ID": "contoso.com", "AUTHORITY": "https://login.example/contoso", "CLOUD": "us-dod",
		"ALLOWED_TENANTS": environmentTenant, "ANY_TENANT_MAY_SIGN_IN": "true",
		"MANAGED_IDENTITY": "system",
		"SCOPES":           "User.Read Mail.Read,Calendars.Read", "PUBLIC_URL": "https://app.example", "ROUTE_PREFIX": "/account",
		"POST_LOGOUT_URL": "https://app.example/bye", "REDIS_URL": "redis://app:secret-canary@127.0.0.1:1/0",
		"KEYS": encoded(2) + "," + encoded(1), "COOKIE_NAME": "app", "IDLE_TIMEOUT": "90m", "ABSOLUTE_TIMEOUT": "12h", "MAX_SESSIONS_PER_USER": "7",
		"RESPONSE_MODE": "query", "CA_FILE": file(t, authorityPEM(t)), "GRAPH_URL": "https://graph.example/v1.0",
		"STALE_SESSIONS_ON_OUTAGE": "1m", "ANONYMOUS_ON_OUTAGE": "true", "RECORD_BROWSER": "true",
	}
}

// authorityPEM is the certificate that httptest's servers have.
func authorityPEM(t *testing.T) string {
	t.Helper()
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
}

// notText are the fields that only code can set.
var notText = []string{"Logger", "Next", "ErrorHandler", "Pages", "OnSignIn", "OnSignOut", "Groups", "Info"}

func TestConfigFromEnv_SaysEveryFieldThatTextCan(t *testing.T) {
	cfg, err := withEnv(t, completeEnv(t))
	if err != nil {
		t.Fatal(err)
	}
	value := reflect.ValueOf(cfg)
	for _, field := range configFields() {
		if set := !value.FieldByName(field).IsZero(); set == slices.Contains(notText, field) {
			t.Errorf("%s: set by a variable: %v. A new field needs a variable in env.go, or a place in notText", field, set)
		}
	}
	want := fibermsal.Config{
		ClientID: "app", ClientSecret: "secret-canary", PreviousSecrets: []string{"secret-canary-2", "secret-canary-3"},
		TenantID: "contoso.com", Authority: "https://login.example/contoso", Cloud: fibermsal.USDoDCloud,
		AllowedTenants: []string{environmentTenant}, AnyTenantMaySignIn: true, Scopes: []string{"User.Read", "Mail.Read", "Calendars.Read"},
		PublicURL: "https://app.example", RoutePrefix: "/account", PostLogoutURL: "https://app.example/bye",
		Keys: [][]byte{testKey(2), testKey(1)}, CookieName: "app", IdleTimeout: 90 * time.Minute, AbsoluteTimeout: 12 * time.Hour, MaxSessionsPerUser: 7,
		ResponseMode: fibermsal.Query, GraphURL: "https://graph.example/v1.0", StaleSessionsOnOutage: time.Minute, AnonymousOnOutage: true, RecordBrowser: true,
	}
	want.Storage, want.HTTPClient = cfg.Storage, cfg.HTTPClient
	cfg.Credential = nil
	if !reflect.DeepEqual(cfg, want) {
		t.Errorf("%v\nwant %v", cfg, want)
	}
}

// Every variable is in the documentation of the function, and nothing else is.
func TestConfigFromEnv_DocumentationNamesEveryVariable(t *testing.T) {
	source, err := os.ReadFile("env.go")
	if err != nil {
		t.Fatal(err)
	}
	doc, code, _ := strings.Cut(string(source), "func ConfigFromEnv")
	documented := map[string]bool{}
	for line := range strings.Lines(doc) {
		line, inList := strings.CutPrefix(line, "//\t")
		names, _, _ := strings.Cut(line, "  ")
		for name := range strings.SplitSeq(names, ",") {
			if inList {
				documented[strings.TrimSpace(name)] = true
			}
		}
	}
	known := map[string]bool{}
	for _, row := range regexp.MustCompile(`(?m)^\t\{"([A-Z_]+)", "`).FindAllStringSubmatch(code, -1) {
		known[row[1]] = true
	}
	if !maps.Equal(documented, known) {
		t.Errorf("documented %v\nknown %v", slices.Sorted(maps.Keys(documented)), slices.Sorted(maps.Keys(known)))
	}
}

func TestConfigFromEnv_MountedFilesServeForEveryVariable(t *testing.T) {
	direct, err := withEnv(t, completeEnv(t))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range completeEnv(t) {
		if strings.HasSuffix(name, "_FILE") {
			continue
		}
		t.Setenv(envPrefix+"_"+name, "")
		t.Setenv(envPrefix+"_"+name+"_FILE", file(t, value+"\n"))
	}
	mounted, err := withEnv(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	if mounted.Storage == nil || mounted.Credential == nil {
		t.Error("without storage or credential")
	}
	for _, cfg := range []*fibermsal.Config{&direct, &mounted} {
		cfg.Storage, cfg.HTTPClient, cfg.Credential = nil, nil, nil
	}
	if !reflect.DeepEqual(direct, mounted) {
		t.Errorf("%v\nwant %v", mounted, direct)
	}
}

func TestConfigFromEnv_OneLineBreakAtTheEndOfAFileDoesNotCount(t *testing.T) {
	for _, row := range []struct{ content, want string }{
		{"s", "s"}, {"s\n", "s"}, {"s\r\n", "s"}, {"s\n\n", "s\n"}, {" s \n", " s "}, {"a\nb", "a\nb"},
	} {
		cfg, err := withEnv(t, map[string]string{"CLIENT_SECRET_FILE": file(t, row.content)})
		if err != nil || cfg.ClientSecret != row.want {
			t.Errorf("%q gives %q, %v", row.content, cfg.ClientSecret, err)
		}
	}
}

func TestConfigFromEnv_NothingSetIsTheZeroConfig(t *testing.T) {
	cfg, err := withEnv(t, map[string]string{"CLIENT_ID": "", "IDLE_TIMEOUT": " ", "NONSENSE": ""})
	if err != nil || !reflect.ValueOf(cfg).IsZero() {
		t.Errorf("%v, %v", cfg, err)
	}
}

func TestConfigFromEnv_CredentialsOtherThanSecrets(t *testing.T) {
	token, certificate := file(t, "assertion"), file(t, string(newKeyPair(t, 1).pem))
	for name, row := range map[string]struct {
		env  map[string]string
		want bool
	}{
		"certificate":             {map[string]string{"CERTIFICATE_FILE": certificate}, true},
		"federated token":         {map[string]string{"FEDERATED_TOKEN_FILE": token}, true},
		"workload identity":       {map[string]string{"WORKLOAD_IDENTITY": "true", "AZURE": token}, true},
		"no workload identity":    {map[string]string{"WORKLOAD_IDENTITY": "false"}, false},
		"certificate, not that":   {map[string]string{"WORKLOAD_IDENTITY": "false", "CERTIFICATE_FILE": certificate}, true},
		"system-assigned":         {map[string]string{"MANAGED_IDENTITY": "system"}, true},
		"user-assigned":           {map[string]string{"MANAGED_IDENTITY": environmentTenant}, true},
		"managed, in a US cloud":  {map[string]string{"MANAGED_IDENTITY": "system", "AUTHORITY": "https://login.microsoftonline.us/contoso"}, true},
		"managed, cloud by name":  {map[string]string{"MANAGED_IDENTITY": "system", "CLOUD": "china"}, true},
		"a secret and nothing of": {map[string]string{"CLIENT_SECRET": "s"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("AZURE_FEDERATED_TOKEN_FILE", row.env["AZURE"])
			delete(row.env, "AZURE")
			cfg, err := withEnv(t, row.env)
			if err != nil || (cfg.Credential != nil) != row.want {
				t.Errorf("a credential: %v, %v", cfg.Credential != nil, err)
			}
		})
	}
}

// A managed identity's token is for the cloud's own audience, whichever way the cloud is
// said.
func TestConfigFromEnv_ManagedIdentityKnowsItsCloud(t *testing.T) {
	for authority, cloud := range map[string]string{"": "us-government", "https://login.microsoftonline.us/contoso": ""} {
		asked := ""
		endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked = r.URL.Query().Get("resource")
			w.WriteHeader(http.StatusBadRequest)
		}))
		t.Setenv("IDENTITY_ENDPOINT", endpoint.URL)
		t.Setenv("IDENTITY_HEADER", "header")
		cfg, err := withEnv(t, map[string]string{"MANAGED_IDENTITY": "system", "AUTHORITY": authority, "CLOUD": cloud})
		if err != nil {
			t.Fatal(err)
		}
		idp := newIDP(t, entratest.WithHosts("login.microsoftonline.us", "graph.microsoft.us"))
		b := newSite(t, idp, by(cfg.Credential)).browser()
		b.do(b.approve(b.start(""), adele).Request())
		endpoint.Close()
		if asked != "api://AzureADTokenExchangeUSGov" {
			t.Errorf("%s %s: asked for %q", authority, cloud, asked)
		}
	}
}

const canary = "value-canary"

func TestConfigFromEnv_WrongVariablesAreNamedWithTheirFieldAndNoValue(t *testing.T) {
	for name, row := range map[string]struct {
		env   map[string]string
		field string
		says  string
	}{
		"spelling":                  {map[string]string{"CLIENT_SECRT": canary}, "ClientSecret", "FMTEST_CLIENT_SECRT is not known; the nearest is FMTEST_CLIENT_SECRET"},
		"spelling of a file":        {map[string]string{"KEY_FILE": canary}, "Keys", "FMTEST_KEY_FILE is not known; the nearest is FMTEST_KEYS_FILE"},
		"spelling of a switch":      {map[string]string{"ANONYMOUS_IN_OUTAGE": canary}, "AnonymousOnOutage", "nearest is FMTEST_ANONYMOUS_ON_OUTAGE"},
		"a file of a file":          {map[string]string{"CA_FILE_FILE": canary}, "HTTPClient", "nearest is FMTEST_CA_FILE"},
		"near none":                 {map[string]string{"PORT": canary}, "", "FMTEST_PORT is not known, nor near one that is"},
		"both":                      {map[string]string{"CLIENT_SECRET": canary, "CLIENT_SECRET_FILE": canary}, "ClientSecret", "FMTEST_CLIENT_SECRET_FILE is set beside FMTEST_CLIENT_SECRET"},
		"no such file":              {map[string]string{"CLIENT_SECRET_FILE": canary}, "ClientSecret", "FMTEST_CLIENT_SECRET_FILE cannot be read: no such file"},
		"a directory":               {map[string]string{"CLIENT_SECRET_FILE": t.TempDir()}, "ClientSecret", "FMTEST_CLIENT_SECRET_FILE cannot be read"},
		"an empty file":             {map[string]string{"CLIENT_SECRET_FILE": file(t, "\n")}, "ClientSecret", "FMTEST_CLIENT_SECRET_FILE names a file that is empty"},
		"a mounted value":           {map[string]string{"IDLE_TIMEOUT_FILE": file(t, canary)}, "IdleTimeout", "FMTEST_IDLE_TIMEOUT_FILE must be a duration"},
		"number":                    {map[string]string{"MAX_SESSIONS_PER_USER": "many " + canary}, "MaxSessionsPerUser", "FMTEST_MAX_SESSIONS_PER_USER must be a whole number"},
		"duration":                  {map[string]string{"IDLE_TIMEOUT": "8 hours " + canary}, "IdleTimeout", "FMTEST_IDLE_TIMEOUT must be a duration such as"},
		"number without a unit":     {map[string]string{"ABSOLUTE_TIMEOUT": "3600"}, "AbsoluteTimeout", "FMTEST_ABSOLUTE_TIMEOUT must be a duration such as"},
		"switch":                    {map[string]string{"ANY_TENANT_MAY_SIGN_IN": canary}, "AnyTenantMaySignIn", "FMTEST_ANY_TENANT_MAY_SIGN_IN must be true or false"},
		"keys":                      {map[string]string{"KEYS": encoded(1) + "," + canary + "!"}, "Keys", "FMTEST_KEYS is not base64 in key 2"},
		"Redis":                     {map[string]string{"REDIS_URL": "https://app:" + canary + "@redis.example"}, "Storage", "FMTEST_REDIS_URL is not a URL of the form"},
		"Redis Cluster":             {map[string]string{"REDIS_URL": "redis://:" + canary + "@redis.example?addr=redis.example:2&pool_siez=" + canary}, "Storage", `FMTEST_REDIS_URL has an option "pool_siez" that`},
		"response mode":             {map[string]string{"RESPONSE_MODE": canary}, "ResponseMode", "FMTEST_RESPONSE_MODE must be form_post or query"},
		"cloud":                     {map[string]string{"CLOUD": canary}, "Cloud", "FMTEST_CLOUD must be public, us-government, us-dod or china"},
		"no such authorities":       {map[string]string{"CA_FILE": canary}, "HTTPClient", "FMTEST_CA_FILE cannot be read: no such file"},
		"no authorities":            {map[string]string{"CA_FILE": file(t, canary)}, "HTTPClient", "FMTEST_CA_FILE names a file without a certificate"},
		"no such certificate":       {map[string]string{"CERTIFICATE_FILE": canary}, "Credential", "FMTEST_CERTIFICATE_FILE cannot be used: no such file"},
		"no certificate":            {map[string]string{"CERTIFICATE_FILE": file(t, canary)}, "Credential", "FMTEST_CERTIFICATE_FILE cannot be used"},
		"workload identity nowhere": {map[string]string{"WORKLOAD_IDENTITY": "true"}, "Credential", "FMTEST_WORKLOAD_IDENTITY needs AZURE_FEDERATED_TOKEN_FILE"},
		"workload identity":         {map[string]string{"WORKLOAD_IDENTITY": canary}, "Credential", "FMTEST_WORKLOAD_IDENTITY must be true or false"},
		"managed identity":          {map[string]string{"MANAGED_IDENTITY": canary + "!"}, "Credential", "FMTEST_MANAGED_IDENTITY must be system"},
		"two credentials":           {map[string]string{"MANAGED_IDENTITY": "system", "FEDERATED_TOKEN_FILE": canary}, "Credential", "FMTEST_MANAGED_IDENTITY is the second variable"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("AZURE_FEDERATED_TOKEN_FILE", "")
			cfg, err := withEnv(t, row.env)
			var wrong *fibermsal.ConfigError
			if !errors.As(err, &wrong) || wrong.Field != row.field || !strings.Contains(wrong.Problem, row.says) {
				t.Fatalf("%#v", err)
			}
			if n := len(joined(err)); n != 1 {
				t.Errorf("%d errors: %v", n, err)
			}
			if text := fmt.Sprintf("%v %+v %#v", err, err, err); strings.Contains(text, canary) || strings.Contains(text, "mounted") {
				t.Errorf("a value is shown: %s", text)
			}
			if !reflect.ValueOf(cfg).IsZero() {
				t.Errorf("a Config beside the error: %v", cfg)
			}
		})
	}
}

func joined(err error) []error {
	several, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	return several.Unwrap()
}

func TestConfigFromEnv_ListsEveryProblemAtOnce(t *testing.T) {
	_, err := withEnv(t, map[string]string{
		"IDLE_TIMEOUT": "x", "KEYS": "!", "REDIS_URL": "redis://127.0.0.1:1", "TENNANT_ID": "x", "CLIENT_SECRT": "x", "CA_FILE": "/nonexistent",
	})
	var names []string
	for _, problem := range joined(err) {
		names = append(names, regexp.MustCompile(envPrefix+`_[A-Z_]+`).FindString(problem.Error()))
	}
	want := []string{"FMTEST_KEYS", "FMTEST_IDLE_TIMEOUT", "FMTEST_CA_FILE", "FMTEST_CLIENT_SECRT", "FMTEST_TENNANT_ID"}
	if !slices.Equal(names, want) {
		t.Errorf("%v\nwant %v", names, want)
	}
}

func TestConfigFromEnv_TheAppsOwnVariablesAreNamed(t *testing.T) {
	env := map[string]string{"CLIENT_ID": "app", "PORT": "3000", "TITLE": "x"}
	if _, err := withEnv(t, env, "PORT"); err == nil || strings.Contains(err.Error(), "PORT") || !strings.Contains(err.Error(), "FMTEST_TITLE") {
		t.Errorf("%v", err)
	}
	if cfg, err := withEnv(t, env, "PORT", "TITLE"); err != nil || cfg.ClientID != "app" {
		t.Errorf("%v, %v", cfg, err)
	}
}

func TestConfigFromEnv_PrefixIsAName(t *testing.T) {
	t.Setenv(envPrefix+"_CLIENT_ID", "app")
	for prefix, want := range map[string]bool{envPrefix: true, envPrefix + "_": true, "": false, "A-B": false, "A B": false, "1A": false, "A=": false} {
		cfg, err := fibermsal.ConfigFromEnv(prefix)
		if (err == nil) != want || (cfg.ClientID == "app") != want {
			t.Errorf("%q: %v, %v", prefix, cfg, err)
		}
	}
}

// What is missing, Open says: code may complete what the environment left out.
func TestConfigFromEnv_LeavesWhatIsMissingToOpen(t *testing.T) {
	cfg, err := withEnv(t, map[string]string{"CLIENT_ID": "app", "TENANT_ID": "contoso.com", "PUBLIC_URL": "https://app.example", "KEYS": base64.StdEncoding.EncodeToString(make([]byte, 16))})
	if err != nil {
		t.Fatal(err)
	}
	var fields []string
	_, err = fibermsal.Open(cfg)
	for _, problem := range joined(err) {
		var wrong *fibermsal.ConfigError
		if errors.As(problem, &wrong) {
			fields = append(fields, wrong.Field)
		}
	}
	if !slices.Equal(fields, []string{"ClientSecret", "Keys"}) {
		t.Errorf("%v", err)
	}
}

func TestConfigFromEnv_SignsIn(t *testing.T) {
	idp := newIDP(t)
	cfg, err := withEnv(t, map[string]string{
		"CLIENT_ID": idp.ClientID, "CLIENT_SECRET_FILE": file(t, idp.ClientSecret+"\n"), "AUTHORITY": idp.Authority,
		"GRAPH_URL": idp.GraphURL, "PUBLIC_URL": publicURL, "SCOPES": "User.Read",
	})
	if err != nil {
		t.Fatal(err)
	}
	b := newSite(t, idp, func(standard *fibermsal.Config) {
		cfg.HTTPClient, cfg.Logger = standard.HTTPClient, standard.Logger
		*standard = cfg
	}).browser()
	b.signIn(adele)
	if b.user() != adele {
		t.Errorf("%q is signed in", b.user())
	}
}

func TestF4_PrintingAConfigOfTheEnvironmentShowsNoSecret(t *testing.T) {
	cfg, err := withEnv(t, completeEnv(t))
	if err != nil {
		t.Fatal(err)
	}
	marshalled, err := json.Marshal(cfg)
	if err != nil {
		t.Fatal(err)
	}
	decimals := strings.Trim(fmt.Sprintf("%d", testKey(1)), "[]")
	for _, text := range []string{fmt.Sprintf("%v %+v %#v %s", cfg, cfg, cfg, cfg), fmt.Sprintf("%v %#v", &cfg, &cfg), string(marshalled), cfg.LogValue().String()} {
		if strings.Contains(text, "secret-canary") || strings.Contains(text, encoded(1)) || strings.Contains(text, decimals) {
			t.Errorf("a secret is shown: %s", text)
		}
	}
}
