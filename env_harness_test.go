package fibermsal_test

import (
	"encoding/base64"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/fibermsal/fibermsal"
)

// Tests of the environment are not parallel, because a process has only one environment.

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

// completeEnv has a variable for each field that can be set by text.
func completeEnv(t *testing.T) map[string]string {
	t.Helper()
	return map[string]string{
		"CLIENT_ID": "app", "CLIENT_SECRET": "secret-canary", "PREVIOUS_SECRETS": "secret-canary-2, secret-canary-3",
		"TENANT_ID": "contoso.com", "AUTHORITY": "https://login.example/contoso", "CLOUD": "us-dod",
		"ALLOWED_TENANTS": environmentTenant, "ANY_TENANT_MAY_SIGN_IN": "true", "PERSONAL_ACCOUNTS_MAY_SIGN_IN": "true",
		"MANAGED_IDENTITY": "system",
		"SCOPES":           "User.Read Mail.Read,Calendars.Read", "AUDIENCES": "api://orders,https://app.example/orders", "ANY_CLIENT_MAY_CALL": "true", "PUBLIC_URL": "https://app.example", "BASE_PATH": "/portal", "ROUTE_PREFIX": "/account",
		"POST_LOGOUT_URL": "https://app.example/bye", "REDIS_URL": "redis://app:secret-canary@127.0.0.1:1/0",
		"KEYS": encoded(2) + "," + encoded(1), "COOKIE_NAME": "app", "IDLE_TIMEOUT": "90m", "ABSOLUTE_TIMEOUT": "12h", "MAX_SESSIONS_PER_USER": "7", "CACHE_MEGABYTES": "256",
		"RESPONSE_MODE": "query", "CA_FILE": file(t, authorityPEM(t)), "GRAPH_URL": "https://graph.example/v1.0",
		"STALE_SESSIONS_ON_OUTAGE": "1m", "ANONYMOUS_ON_OUTAGE": "true", "RECORD_BROWSER": "true", "KEEP_FRAGMENT": "true",
	}
}

// authorityPEM is the certificate that httptest's servers have.
func authorityPEM(t *testing.T) string {
	t.Helper()
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
}

const canary = "value-canary"

func joined(err error) []error {
	several, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	return several.Unwrap()
}
