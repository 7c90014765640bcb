package fibermsal_test

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
)

// notText are the fields that only code can set.
var notText = []string{"Logger", "Next", "ErrorHandler", "Pages", "BeforeSignIn", "OnSignIn", "OnSignOut", "Groups", "Info", "APIMetadata"}

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
		AllowedTenants: []string{environmentTenant}, AnyTenantMaySignIn: true, PersonalAccountsMaySignIn: true, Scopes: []string{"User.Read", "Mail.Read", "Calendars.Read"},
		Audiences: []string{"api://orders", "https://app.example/orders"}, AnyClientMayCall: true,
		PublicURL: "https://app.example", BasePath: "/portal", RoutePrefix: "/account", PostLogoutURL: "https://app.example/bye",
		Keys: [][]byte{testKey(2), testKey(1)}, CookieName: "app", IdleTimeout: 90 * time.Minute, AbsoluteTimeout: 12 * time.Hour, MaxSessionsPerUser: 7, CacheMegabytes: 256,
		ResponseMode: fibermsal.ResponseModeQuery, GraphURL: "https://graph.example/v1.0", StaleSessionsOnOutage: time.Minute, AnonymousOnOutage: true, KeepFragment: true, RecordBrowser: true,
	}
	want.Storage, want.HTTPClient = cfg.Storage, cfg.HTTPClient
	cfg.Credential = nil
	if !reflect.DeepEqual(cfg, want) {
		t.Errorf("%v\nwant %v", cfg, want)
	}
}

// Every variable is in the documentation of the function, and nothing else is.
func TestConfigFromEnv_DocumentationNamesEveryVariable(t *testing.T) {
	source, err := os.ReadFile("entra/env.go")
	if err != nil {
		t.Fatal(err)
	}
	code, err := os.ReadFile("entra/envvariables.go")
	if err != nil {
		t.Fatal(err)
	}
	doc, _, _ := strings.Cut(string(source), "func ConfigFromEnv")
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
	defined := map[string]bool{}
	for _, row := range regexp.MustCompile(`(?m)^\t\{"([A-Z_]+)", "`).FindAllStringSubmatch(string(code), -1) {
		defined[row[1]] = true
	}
	if !maps.Equal(documented, defined) {
		t.Errorf("documented %v\nknown %v", slices.Sorted(maps.Keys(documented)), slices.Sorted(maps.Keys(defined)))
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

// A managed identity's token is for the audience of the cloud, regardless of how the cloud is
// configured.
func TestConfigFromEnv_ManagedIdentityKnowsItsCloud(t *testing.T) {
	for _, row := range []struct{ authority, cloud, audience string }{
		{"", "us-government", "api://AzureADTokenExchangeUSGov"},
		{"https://login.microsoftonline.us/contoso", "", "api://AzureADTokenExchangeUSGov"},
		{"", "china", "api://AzureADTokenExchangeChina"},
		{"", "bleu", "api://AzureADTokenExchangeFrance"},
		{"https://login.sovcloud-identity.fr/contoso", "", "api://AzureADTokenExchangeFrance"},
		{"", "delos", "api://AzureADTokenExchangeGermany"},
		{"", "gov-sg", "api://AzureADTokenExchangeGovSG"},
	} {
		requested := ""
		endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			requested = r.URL.Query().Get("resource")
			w.WriteHeader(http.StatusBadRequest)
		}))
		t.Setenv("IDENTITY_ENDPOINT", endpoint.URL)
		t.Setenv("IDENTITY_HEADER", "header")
		cfg, err := withEnv(t, map[string]string{"MANAGED_IDENTITY": "system", "AUTHORITY": row.authority, "CLOUD": row.cloud})
		if err != nil {
			t.Fatal(err)
		}
		idp := newIDP(t, entratest.WithHosts("login.microsoftonline.us", "graph.microsoft.us"))
		b := newSite(t, idp, by(cfg.Credential)).browser()
		b.Send(b.approve(b.start(""), adele).Request())
		endpoint.Close()
		if requested != row.audience {
			t.Errorf("%s %s: asked for %q", row.authority, row.cloud, requested)
		}
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
