package graph_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/graph"
)

func TestConnections_AreKeptAliveAndShared(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	connections := map[string]bool{}
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		connections[r.RemoteAddr] = true
		mu.Unlock()
		w.Header().Set("Content-Type", "application/json")
		if strings.HasSuffix(r.URL.Path, "/manager") {
			w.WriteHeader(http.StatusNotFound)
			_, _ = w.Write([]byte(`{"error":{"code":"Request_ResourceNotFound","message":"none"}}`))
			return
		}
		_, _ = w.Write([]byte(`{"id":"1"}`))
	}))
	defer server.Close()
	for range 10 {
		credential := urlCredential{server.URL + "/v1.0", server.Client()}
		if _, err := graph.MeFor(credential).Get(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		if _, err := graph.MeFor(credential).Manager().Get(t.Context(), nil); !errors.Is(err, graph.ErrNotFound) {
			t.Fatal(err)
		}
	}
	if len(connections) != 1 {
		t.Errorf("20 calls took %d connections", len(connections))
	}
}

// Kiota panics on such a challenge before it closes the response.
func TestConnections_SurviveAPanic(t *testing.T) {
	t.Parallel()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("WWW-Authenticate", `Bearer realm="", claims=abc`)
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = w.Write([]byte(`{}`))
	}))
	defer server.Close()
	client := server.Client()
	client.Transport.(*http.Transport).MaxConnsPerHost = 1
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for range 3 {
		if _, err := graph.MeFor(urlCredential{server.URL + "/v1.0", client}).Get(ctx, nil); !errors.Is(err, fibermsal.ErrLoginRequired) {
			t.Fatalf("got %v", err)
		}
	}
}
