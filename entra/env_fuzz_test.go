package entra_test

import (
	"strings"
	"testing"

	"github.com/fibermsal/fibermsal/entra"
)

// No environment is a panic, and no error repeats a value (threat F2). Values of variables that name files are not
// paths, because the test must not read others.
func FuzzConfigFromEnv(f *testing.F) {
	for name, value := range map[string]string{
		"CLIENT_ID": "a", "CLIENT_SECRET": "secret", "PREVIOUS_SECRETS": "a, b", "TENANT_ID": "contoso.com", "AUTHORITY": "https://login.example/t", "CLOUD": "us-dod",
		"ALLOWED_TENANTS": "00000000-0000-0000-0000-000000000001", "ANY_TENANT_MAY_SIGN_IN": "yes", "MANAGED_IDENTITY": "system", "SCOPES": "User.Read,,Mail.Read",
		"PUBLIC_URL": "https://app.example", "BASE_PATH": "/../x", "ROUTE_PREFIX": "//", "REDIS_URL": "redis://:secret@127.0.0.1:1/0", "KEYS": "AAAA,%", "COOKIE_NAME": "a b",
		"IDLE_TIMEOUT": "90m", "ABSOLUTE_TIMEOUT": "-1h", "MAX_SESSIONS_PER_USER": "9999999999999999999", "CACHE_MEGABYTES": "1e3", "RESPONSE_MODE": "fragment",
		"CLIENT_SECRET_FILE": "no such file", "CLEINT_ID": "a", "WORKLOAD_IDENTITY": "true", "GRAPH_URL": "://", "POST_LOGOUT_URL": "javascript:x", "": "x", "_": "\xff",
	} {
		f.Add(name, value, "CLIENT_ID", "b")
	}
	f.Fuzz(func(t *testing.T, name, value, other, second string) {
		for name, value := range map[string]string{name: value, other: second} {
			if strings.ContainsAny(name+value, "\x00") || strings.Contains(name, "=") || strings.Contains(name, "FILE") && strings.ContainsAny(value, `/\`) {
				t.Skip("not an environment, or one that reads another file")
			}
			t.Setenv("FUZZED_"+name, value)
		}
		cfg, err := entra.ConfigFromEnv[entra.Locals]("FUZZED")
		if err == nil {
			if cfg.Storage != nil {
				_ = cfg.Storage.Close()
			}
			return
		}
		for _, value := range []string{value, second} {
			if secret := strings.TrimSpace(value); len(secret) >= 12 && !isInText(secret) && strings.Contains(err.Error(), secret) {
				t.Fatalf("%q=%q, %q: %v", name, value, second, err)
			}
		}
	})
}

// isInText reports whether a value could be a part of an error's own text, or the name of a variable.
func isInText(value string) bool {
	return strings.Trim(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ _,;:./-()") == ""
}
