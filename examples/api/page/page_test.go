package page

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestHandler_ServesThePageItsConfigurationAndMSAL(t *testing.T) {
	t.Parallel()
	handler := Handler(Config{
		ClientID: "id", Authority: "https://login.example/tenant", Metadata: "http://login.localhost:1/tenant/document", API: "http://localhost:3001", Scope: "api://id/x",
	}, []byte("msal"))
	for path, want := range map[string]struct{ kind, says string }{
		"/":                    {"text/html", `src="app.js"`},
		"/app.js":              {"text/javascript", "PublicClientApplication"},
		"/style.css":           {"text/css", "color-scheme"},
		"/config.json":         {"application/json", `"api":"http://localhost:3001"`},
		"/msal-browser.min.js": {"text/javascript", "msal"},
	} {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, http.NoBody))
		policy := w.Header().Get("Content-Security-Policy")
		if w.Code != http.StatusOK || !strings.HasPrefix(w.Header().Get("Content-Type"), want.kind) || !strings.Contains(w.Body.String(), want.says) ||
			!strings.Contains(policy, "connect-src 'self' http://localhost:3001 https://login.example http://login.localhost:1;") {
			t.Errorf("%s: %d %v\n%s", path, w.Code, w.Header(), w.Body)
		}
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/package.json", http.NoBody))
	if w.Code != http.StatusNotFound {
		t.Errorf("more than the page is served: %d", w.Code)
	}
}

func TestLoad_SaysWhatIsMissing(t *testing.T) {
	t.Setenv("PATH", "")
	var log bytes.Buffer
	if _, err := load(t.Context(), t.TempDir(), &log); err == nil || !strings.Contains(err.Error(), "install Node.js") {
		t.Errorf("%v\n%s", err, log.String())
	}
}
