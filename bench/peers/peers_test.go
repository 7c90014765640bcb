package peers

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
)

func TestClient_SpeaksTheProtocolThatIsMeasured(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Header().Set("Spoken", r.Proto) }))
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	trusted := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(trusted, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		env  Env
		want string
	}{{Env{CAFile: trusted}, "HTTP/1.1"}, {Env{CAFile: trusted, HTTP2: true}, "HTTP/2.0"}} {
		resp, err := row.env.Client().Get(server.URL)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close() // it has none
		if got := resp.Header.Get("Spoken"); got != row.want {
			t.Errorf("got %s, want %s", got, row.want)
		}
	}
}
