package graph_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fibermsal/fibermsal/graph"
	"github.com/fibermsal/fibermsal/internal/outbound"
)

// fleet is a Graph whose servers are replaced one after the other, as behind a load balancer. New
// connections are sent to the latest server, and the previous one is drained.
type fleet struct {
	current atomic.Pointer[httptest.Server]
	mu      sync.Mutex
	served  map[string]int // requests by their content
}

func (f *fleet) start() *httptest.Server {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		content, err := io.ReadAll(r.Body)
		if err != nil {
			return // the client sees it
		}
		f.mu.Lock()
		f.served[string(content)]++
		f.mu.Unlock()
		answerJSON(w, 200, `{"proto":"`+r.Proto+`"}`)
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	return server
}

// Writes continue while five servers are drained by GOAWAY. None is lost or executed twice.
func TestBodies_SurviveAFleetThatIsReplaced(t *testing.T) {
	t.Parallel()
	f := &fleet{served: map[string]int{}}
	f.current.Store(f.start())
	transport := f.current.Load().Client().Transport.(*http.Transport).Clone()
	transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, f.current.Load().Listener.Addr().String())
	}
	transport.ForceAttemptHTTP2 = true
	pool := outbound.New(transport)
	adapter := graph.AdapterFor(urlCredential{"https://example.com/v1.0", &http.Client{Transport: pool}})
	done := make(chan struct{})
	var writers sync.WaitGroup
	var made atomic.Int64
	for writer := range 8 {
		writers.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-done:
					return
				default:
				}
				var answer struct{ Proto string }
				err := graph.Call(t.Context(), adapter, http.MethodPost, "/me/events", []int{writer, n}, &answer)
				if err != nil || answer.Proto != "HTTP/2.0" {
					t.Errorf("%v: %v, by %q", err, errors.Unwrap(err), answer.Proto)
					return
				}
				made.Add(1)
			}
		})
	}
	for range 5 {
		time.Sleep(50 * time.Millisecond)
		old := f.current.Swap(f.start())
		if err := old.Config.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		defer old.Close()
	}
	close(done)
	writers.Wait()
	defer f.current.Load().Close()
	for content, times := range f.served {
		if times != 1 || !json.Valid([]byte(content)) {
			t.Errorf("%s was written %d times", content, times)
		}
	}
	if made.Load() != int64(len(f.served)) || made.Load() < 8 {
		t.Errorf("%d writes, %d served", made.Load(), len(f.served))
	}
	t.Logf("%d writes while five servers were drained", made.Load())
}
