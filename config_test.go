package fibermsal_test

import (
	"bytes"
	"context"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/cache"
	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"
	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
)

func TestConfig_EveryMistakeIsNamedAtOnce(t *testing.T) {
	t.Parallel()
	_, err := fibermsal.Open(fibermsal.Config{
		Authority:       "http://login.example/tenant",
		AllowedTenants:  []string{"not-a-guid"},
		Scopes:          []string{"openid", "a b"},
		PublicURL:       "http://app.example",
		RoutePrefix:     "user/:id",
		PostLogoutURL:   "/signed-out",
		GraphURL:        "https://graph.microsoft.com",
		CookieName:      "a;b",
		Keys:            [][]byte{[]byte("short")},
		IdleTimeout:     time.Millisecond,
		AbsoluteTimeout: -time.Second,
		ResponseMode:    "fragment",
	})
	if err == nil {
		t.Fatal("accepted")
	}
	for _, field := range []string{
		"ClientID", "ClientSecret", "Authority", "AllowedTenants", "Scopes", "PublicURL", "RoutePrefix",
		"PostLogoutURL", "GraphURL", "CookieName", "Keys", "IdleTimeout", "AbsoluteTimeout", "ResponseMode",
	} {
		if !strings.Contains(err.Error(), "Config."+field+":") {
			t.Errorf("%s is not named:\n%v", field, err)
		}
	}
}

func TestConfig_EachMistakeAlone(t *testing.T) {
	t.Parallel()
	random := testKey(9)
	for name, row := range map[string]struct {
		field  string // "" for acceptance
		change func(*fibermsal.Config)
	}{
		"good":                        {"", func(*fibermsal.Config) {}},
		"no client id":                {"ClientID", func(c *fibermsal.Config) { c.ClientID = "" }},
		"client id with a space":      {"ClientID", func(c *fibermsal.Config) { c.ClientID = "a b" }},
		"no secret":                   {"ClientSecret", func(c *fibermsal.Config) { c.ClientSecret = "" }},
		"secret and credential":       {"Credential", func(c *fibermsal.Config) { c.Credential = noCredential }},
		"credential alone":            {"", func(c *fibermsal.Config) { c.ClientSecret, c.Credential = "", noCredential }},
		"no tenant":                   {"TenantID", func(c *fibermsal.Config) { c.Authority = "" }},
		"tenant and authority":        {"Authority", func(c *fibermsal.Config) { c.TenantID = "contoso.com" }},
		"tenant is a URL":             {"TenantID", func(c *fibermsal.Config) { c.Authority, c.TenantID = "", "https://x/y" }},
		"tenant is a domain":          {"", func(c *fibermsal.Config) { c.Authority, c.TenantID = "", "contoso.onmicrosoft.com" }},
		"authority without tenant":    {"Authority", func(c *fibermsal.Config) { c.Authority = "https://login.microsoftonline.com/" }},
		"authority with two segments": {"Authority", func(c *fibermsal.Config) { c.Authority = "https://login.microsoftonline.com/a/v2.0" }},
		"authority with a query":      {"Authority", func(c *fibermsal.Config) { c.Authority += "?x=1" }},
		"authority with a user":       {"Authority", func(c *fibermsal.Config) { c.Authority = "https://u:p@login.microsoftonline.com/t" }},
		"common, open to the world":   {"AllowedTenants", func(c *fibermsal.Config) { c.Authority, c.TenantID = "", "common" }},
		"Organizations, open":         {"AllowedTenants", func(c *fibermsal.Config) { c.Authority, c.TenantID = "", "Organizations" }},
		"organizations with a list": {"", func(c *fibermsal.Config) {
			c.Authority, c.TenantID, c.AllowedTenants = "", "organizations", []string{otherTenant}
		}},
		"any tenant":             {"", func(c *fibermsal.Config) { c.Authority, c.TenantID, c.AnyTenantMaySignIn = "", "organizations", true }},
		"any tenant, one tenant": {"AnyTenantMaySignIn", func(c *fibermsal.Config) { c.AnyTenantMaySignIn = true }},
		"any tenant beside a list": {"AnyTenantMaySignIn", func(c *fibermsal.Config) {
			c.Authority, c.TenantID, c.AllowedTenants, c.AnyTenantMaySignIn = "", "common", []string{otherTenant}, true
		}},
		"any tenant and personal accounts": {"", func(c *fibermsal.Config) {
			c.Authority, c.TenantID, c.AnyTenantMaySignIn, c.PersonalAccountsMaySignIn = "", "common", true, true
		}},
		"a list and personal accounts": {"", func(c *fibermsal.Config) {
			c.Authority, c.TenantID, c.AllowedTenants, c.PersonalAccountsMaySignIn = "", "Common", []string{otherTenant}, true
		}},
		"only personal accounts": {"", func(c *fibermsal.Config) {
			c.Authority, c.TenantID, c.PersonalAccountsMaySignIn = "", "consumers", true
		}},
		"consumers, open": {"PersonalAccountsMaySignIn", func(c *fibermsal.Config) { c.Authority, c.TenantID = "", "consumers" }},
		"personal accounts do not decide about tenants": {"AllowedTenants", func(c *fibermsal.Config) {
			c.Authority, c.TenantID, c.PersonalAccountsMaySignIn = "", "common", true
		}},
		"personal accounts of organizations": {"PersonalAccountsMaySignIn", func(c *fibermsal.Config) {
			c.Authority, c.TenantID, c.AnyTenantMaySignIn, c.PersonalAccountsMaySignIn = "", "organizations", true, true
		}},
		"personal accounts, one tenant": {"PersonalAccountsMaySignIn", func(c *fibermsal.Config) { c.PersonalAccountsMaySignIn = true }},
		"unknown cloud":                 {"Cloud", func(c *fibermsal.Config) { c.Cloud = "moon" }},
		"cloud elsewhere":               {"Cloud", func(c *fibermsal.Config) { c.Cloud = fibermsal.ChinaCloud }},
		"previous secrets alone": {"PreviousSecrets", func(c *fibermsal.Config) {
			c.ClientSecret, c.Credential, c.PreviousSecrets = "", noCredential, []string{"x"}
		}},
		"empty previous secret":  {"PreviousSecrets", func(c *fibermsal.Config) { c.PreviousSecrets = []string{""} }},
		"one tenant with a list": {"AllowedTenants", func(c *fibermsal.Config) { c.AllowedTenants = []string{otherTenant} }},
		"public URL in capitals": {"", func(c *fibermsal.Config) { c.PublicURL = "HTTPS://App.Example" }},
		// Browsers send Host, Origin and redirects in ASCII, and Entra compares the redirect URI as text
		// (aspnet/Security#1646, oauth2-client#672).
		"public URL in Unicode":       {"PublicURL", func(c *fibermsal.Config) { c.PublicURL = "https://bücher.example" }},
		"public URL with escapes":     {"PublicURL", func(c *fibermsal.Config) { c.PublicURL = "https://b%C3%BCcher.example" }},
		"public URL in Punycode":      {"", func(c *fibermsal.Config) { c.PublicURL = "https://xn--bcher-kva.example" }},
		"public URL with two slashes": {"PublicURL", func(c *fibermsal.Config) { c.PublicURL = "https://app.example//" }},
		"public URL with a hash":      {"PublicURL", func(c *fibermsal.Config) { c.PublicURL = "https://app.example#" }},
		"authority with two slashes":  {"Authority", func(c *fibermsal.Config) { c.Authority += "//" }},
		"authority with a hash":       {"Authority", func(c *fibermsal.Config) { c.Authority += "#" }},
		"absolute negative alone":     {"AbsoluteTimeout", func(c *fibermsal.Config) { c.AbsoluteTimeout = -time.Second }},
		"absolute too short alone":    {"AbsoluteTimeout", func(c *fibermsal.Config) { c.AbsoluteTimeout = time.Millisecond }},
		"info without a function": {"Info", func(c *fibermsal.Config) {
			c.Info = map[string]func(*fiber.Ctx, *fibermsal.User) (any, error){"x": nil}
		}},
		"no public URL":                 {"PublicURL", func(c *fibermsal.Config) { c.PublicURL = "" }},
		"public URL without a scheme":   {"PublicURL", func(c *fibermsal.Config) { c.PublicURL = "app.example" }},
		"public URL plain http":         {"PublicURL", func(c *fibermsal.Config) { c.PublicURL = "http://app.example" }},
		"public URL with a path":        {"PublicURL", func(c *fibermsal.Config) { c.PublicURL = "https://app.example/portal" }},
		"public URL with a query":       {"PublicURL", func(c *fibermsal.Config) { c.PublicURL = "https://app.example?x" }},
		"public URL looks like local":   {"PublicURL", func(c *fibermsal.Config) { c.PublicURL = "http://localhost.evil.example" }},
		"public URL javascript":         {"PublicURL", func(c *fibermsal.Config) { c.PublicURL = "javascript://app.example" }},
		"public URL http localhost":     {"", func(c *fibermsal.Config) { c.PublicURL = "http://localhost:3000" }},
		"public URL http app.localhost": {"", func(c *fibermsal.Config) { c.PublicURL = "http://app.localhost:3000/" }},
		"public URL http 127.0.0.1":     {"", func(c *fibermsal.Config) { c.PublicURL = "http://127.0.0.1:3000" }},
		"public URL not in ASCII":       {"PublicURL", func(c *fibermsal.Config) { c.PublicURL = "https://bücher.example" }},
		"public URL in punycode":        {"", func(c *fibermsal.Config) { c.PublicURL = "https://xn--bcher-kva.example" }},
		"public URL with half a port":   {"PublicURL", func(c *fibermsal.Config) { c.PublicURL = "https://app.example:" }},
		"public URL with a padded port": {"PublicURL", func(c *fibermsal.Config) { c.PublicURL = "https://app.example:0443" }},
		"public URL with a wildcard":    {"PublicURL", func(c *fibermsal.Config) { c.PublicURL = "https://*.example" }},
		"public URL of two hosts":       {"PublicURL", func(c *fibermsal.Config) { c.PublicURL = "https://app.example,www.example" }},
		"public URL by its address":     {"", func(c *fibermsal.Config) { c.PublicURL = "https://[2001:db8::1]:8443" }},
		"logout URL not in ASCII":       {"PostLogoutURL", func(c *fibermsal.Config) { c.PostLogoutURL = "https://bücher.example/bye" }},
		"logout URL breaks a policy":    {"PostLogoutURL", func(c *fibermsal.Config) { c.PostLogoutURL = "https://a;script-src/bye" }},
		"prefix with a parameter":       {"RoutePrefix", func(c *fibermsal.Config) { c.RoutePrefix = "/:user" }},
		"prefix with a slash at end":    {"RoutePrefix", func(c *fibermsal.Config) { c.RoutePrefix = "/user/" }},
		"prefix is the root":            {"RoutePrefix", func(c *fibermsal.Config) { c.RoutePrefix = "/" }},
		"prefix with two dots":          {"RoutePrefix", func(c *fibermsal.Config) { c.RoutePrefix = "/a/../b" }},
		"prefix with one dot":           {"RoutePrefix", func(c *fibermsal.Config) { c.RoutePrefix = "/./user" }},
		"deep prefix":                   {"", func(c *fibermsal.Config) { c.RoutePrefix = "/portal/user" }},
		"base path":                     {"", func(c *fibermsal.Config) { c.BasePath = "/portal" }},
		"base path that is kept":        {"", func(c *fibermsal.Config) { c.BasePath, c.RoutePrefix = "/portal", "/portal/user" }},
		"base path without a slash":     {"BasePath", func(c *fibermsal.Config) { c.BasePath = "portal" }},
		"base path with one at the end": {"BasePath", func(c *fibermsal.Config) { c.BasePath = "/portal/" }},
		"base path is the root":         {"BasePath", func(c *fibermsal.Config) { c.BasePath = "/" }},
		"base path above the root":      {"BasePath", func(c *fibermsal.Config) { c.BasePath = "/portal/.." }},
		"base path of another host":     {"BasePath", func(c *fibermsal.Config) { c.BasePath = "//evil.example" }},
		"offline_access":                {"Scopes", func(c *fibermsal.Config) { c.Scopes = []string{"User.Read", "offline_access"} }},
		"default among others":          {"Scopes", func(c *fibermsal.Config) { c.Scopes = []string{"https://graph.microsoft.com/.default", "User.Read"} }},
		"scope of another API":          {"", func(c *fibermsal.Config) { c.Scopes = []string{"api://orders/Orders.Read"} }},
		"storage without keys":          {"Keys", func(c *fibermsal.Config) { c.Storage = newLedger() }},
		"storage with keys":             {"", func(c *fibermsal.Config) { c.Storage, c.Keys = newLedger(), [][]byte{random} }},
		"keys without storage":          {"", func(c *fibermsal.Config) { c.Keys = [][]byte{random} }},
		"short key":                     {"Keys", func(c *fibermsal.Config) { c.Keys = [][]byte{random[:31]} }},
		"long key":                      {"Keys", func(c *fibermsal.Config) { c.Keys = [][]byte{append(random[:32:32], 1)} }},
		"key of zeros":                  {"Keys", func(c *fibermsal.Config) { c.Keys = [][]byte{make([]byte, 32)} }},
		"key of one letter":             {"Keys", func(c *fibermsal.Config) { c.Keys = [][]byte{bytes.Repeat([]byte("k"), 32)} }},
		"the same key twice":            {"Keys", func(c *fibermsal.Config) { c.Keys = [][]byte{random, testKey(1), random} }},
		"cookie with a prefix":          {"CookieName", func(c *fibermsal.Config) { c.CookieName = "__Host-x" }},
		"sessions below none":           {"MaxSessionsPerUser", func(c *fibermsal.Config) { c.MaxSessionsPerUser = -1 }},
		"sessions without a bound":      {"MaxSessionsPerUser", func(c *fibermsal.Config) { c.MaxSessionsPerUser = 10_001 }},
		"cache of less than nothing":    {"CacheMegabytes", func(c *fibermsal.Config) { c.CacheMegabytes = -1 }},
		"cache without a bound":         {"CacheMegabytes", func(c *fibermsal.Config) { c.CacheMegabytes = 1_000_001 }},
		"stale for hours":               {"StaleSessionsOnOutage", func(c *fibermsal.Config) { c.StaleSessionsOnOutage = time.Hour }},
		"negative idle":                 {"IdleTimeout", func(c *fibermsal.Config) { c.IdleTimeout = -1 }},
		"absolute below idle":           {"AbsoluteTimeout", func(c *fibermsal.Config) { c.IdleTimeout, c.AbsoluteTimeout = 2*time.Hour, time.Hour }},
		"short absolute alone":          {"", func(c *fibermsal.Config) { c.AbsoluteTimeout = time.Hour }},
		"long idle alone":               {"", func(c *fibermsal.Config) { c.IdleTimeout = 48 * time.Hour }},
		"unknown mode":                  {"ResponseMode", func(c *fibermsal.Config) { c.ResponseMode = "Form_Post" }},
		"beta of Graph":                 {"GraphURL", func(c *fibermsal.Config) { c.GraphURL = "https://graph.microsoft.com/beta" }},
		"Graph plain http":              {"GraphURL", func(c *fibermsal.Config) { c.GraphURL = "http://graph.microsoft.com/v1.0" }},
		"way back plain http":           {"PostLogoutURL", func(c *fibermsal.Config) { c.PostLogoutURL = "http://app.example/bye" }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := fibermsal.Config{
				ClientID: "client", ClientSecret: "secret-canary", PublicURL: "https://app.example",
				Authority: "https://login.microsoftonline.com/contoso.com",
			}
			row.change(&cfg)
			auth, err := fibermsal.Open(cfg)
			switch {
			case row.field == "" && err != nil:
				t.Errorf("refused: %v", err)
			case row.field != "" && err == nil:
				t.Error("accepted")
			case err != nil && (!strings.HasPrefix(err.Error(), "fibermsal: Config."+row.field+":") || strings.Contains(err.Error(), "\n")):
				t.Errorf("the error is about something else: %v", err)
			case err != nil && strings.Contains(err.Error(), "canary"):
				t.Errorf("the error shows the secret: %v", err)
			}
			if auth != nil {
				_ = auth.Close()
			}
		})
	}
}

var noCredential = fibermsal.ClientCredentialFunc(func(context.Context) (confidential.Credential, error) {
	return confidential.Credential{}, nil
})

func TestConfig_NewPanicsBeforeTheAppServes(t *testing.T) {
	t.Parallel()
	defer func() {
		if err, ok := recover().(error); !ok || !strings.Contains(err.Error(), "Config.ClientID") {
			t.Errorf("recovered %v", err)
		}
	}()
	newApp().Use(fibermsal.New(fibermsal.Config{}))
}

func TestConfig_PreforkNeedsASharedStorage(t *testing.T) {
	t.Setenv("FIBER_PREFORK_CHILD", "1")
	cfg := configFor(newIDP(t))
	if _, err := fibermsal.Open(cfg); err == nil || !strings.Contains(err.Error(), "Config.Storage") {
		t.Errorf("memory storage: %v", err)
	}
	cfg.Storage, cfg.Keys = newLedger(), [][]byte{testKey(1)}
	auth, err := fibermsal.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	_ = auth.Close()
}

func TestConfig_PreforkNeedsMoreThanAFile(t *testing.T) {
	t.Setenv("FIBER_PREFORK_CHILD", "1")
	cfg := configFor(newIDP(t))
	onFile(t, newStorageFile(t))(&cfg)
	if _, err := fibermsal.Open(cfg); err == nil || !strings.Contains(err.Error(), "Config.Storage") || !strings.Contains(err.Error(), "Prefork") {
		t.Errorf("%v", err)
	}
}

func TestConfig_IsCopied(t *testing.T) {
	t.Parallel()
	keys := [][]byte{testKey(1)}
	scopes := []string{"User.Read"}
	b := newSite(t, newIDP(t), func(cfg *fibermsal.Config) { cfg.Keys, cfg.Scopes = keys, scopes }).browser()
	clear(keys[0])
	scopes[0] = "Directory.ReadWrite.All"
	b.signIn(adele)
	if got := query(t, b.start("")).Get("scope"); got != "openid profile offline_access User.Read" {
		t.Errorf("scope = %q", got)
	}
}

func configFields() (names []string) {
	for _, field := range reflect.VisibleFields(reflect.TypeFor[fibermsal.Config]()) {
		names = append(names, field.Name)
	}
	return names
}

func cacheHints() cache.ExportHints { return cache.ExportHints{} }

func TestB13_MistakesOfTheConfigurationLetNobodyIn(t *testing.T) {
	t.Parallel()
	if _, err := fibermsal.Open(fibermsal.Config{}); err == nil {
		t.Error("the zero Config is accepted")
	}
	for name, change := range map[string]func(*fibermsal.Config){
		"short key":       func(cfg *fibermsal.Config) { cfg.Storage, cfg.Keys = newLedger(), [][]byte{make([]byte, 16)} },
		"http authority":  func(cfg *fibermsal.Config) { cfg.Authority = strings.Replace(cfg.Authority, "https", "http", 1) },
		"storage, no key": func(cfg *fibermsal.Config) { cfg.Storage = newLedger() },
	} {
		cfg := configFor(newIDP(t))
		change(&cfg)
		if _, err := fibermsal.Open(cfg); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
	l := newLedger()
	b := newSite(t, newIDP(t), onLedger(l)).browser()
	b.signIn(adele)
	l.fail(true, true)
	for way, send := range ways {
		if a := b.Send(send("/guarded")); a.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("storage down, by %s: %d", way, a.StatusCode)
		}
	}
	if err := fibermsal.All(fibermsal.Any())(nil, &fibermsal.User{}); err == nil {
		t.Error("no check is a check that passes")
	}
}
