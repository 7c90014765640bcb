package outbound_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fibermsal/fibermsal/internal/faultproxy"
	"github.com/fibermsal/fibermsal/internal/outbound"
)

// host is a server behind a proxy that can freeze connections.
type host struct {
	*httptest.Server
	proxy       *faultproxy.Proxy
	url         string
	connections atomic.Int32
	open        atomic.Int32
	slow        chan struct{} // what /slow waits for
	late        chan struct{} // what /late waits for
	lateCalls   atomic.Int32
}

func newHost(t *testing.T, http2 bool) *host {
	t.Helper()
	h := &host{slow: make(chan struct{}), late: make(chan struct{})}
	h.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/slow":
			select {
			case <-h.slow:
			case <-r.Context().Done():
				panic(http.ErrAbortHandler) // on a busy machine, an answer could still arrive before the caller has closed the connection
			}
		case "/late":
			h.lateCalls.Add(1)
			select {
			case <-h.late:
			case <-r.Context().Done():
				panic(http.ErrAbortHandler)
			}
		case "/upload": // as a proxy that asks another server first
			time.Sleep(7 * time.Second)
			_, _ = io.Copy(io.Discard, r.Body)
		case "/half":
			_, _ = io.WriteString(w, "half")
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
			panic(http.ErrAbortHandler)
		}
		_, _ = io.WriteString(w, r.Proto)
	}))
	h.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		switch state { //nolint:exhaustive // the others are neither
		case http.StateNew:
			h.connections.Add(1)
			h.open.Add(1)
		case http.StateClosed:
			h.open.Add(-1)
		}
	}
	h.Config.ErrorLog = log.New(io.Discard, "", 0) // handshakes that end with the proxy
	h.EnableHTTP2 = http2
	h.StartTLS()
	t.Cleanup(h.Close)
	h.proxy = faultproxy.New(t, h.Listener.Addr().String())
	h.url = "https://" + h.proxy.Addr()
	return h
}

// trusting makes a transport trust the server.
func (h *host) trusting(t *http.Transport) *http.Transport {
	roots := x509.NewCertPool()
	roots.AddCert(h.Certificate())
	t.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12, ServerName: "example.com"}
	return t
}

// client returns a client whose calls use a Pool.
func (h *host) client(t *testing.T, transport *http.Transport) *http.Client {
	t.Helper()
	c := &http.Client{Transport: outbound.New(h.trusting(transport))}
	t.Cleanup(c.CloseIdleConnections)
	return c
}

// get makes a call with a timeout.
func (h *host) get(ctx context.Context, c *http.Client, path string, limit time.Duration) (body string, err error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, h.url+path, http.NoBody)
	if err != nil {
		return "", err
	}
	resp, err := c.Do(r)
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	return string(raw), err
}

// One connection carries all calls to a host. When it stops passing data without an error, a new one
// must be used soon, with the library's transport and with one of the app.
func TestPool_AFrozenHTTP2ConnectionIsGivenUp(t *testing.T) {
	t.Parallel()
	used, plain := http.DefaultTransport.(*http.Transport).Clone(), new(http.Transport)
	for _, t := range []*http.Transport{used, plain} {
		t.CloseIdleConnections() // as if it had been used: the first call configures HTTP/2
	}
	for name, row := range map[string]struct {
		transport *http.Transport
		limit     time.Duration
		within    time.Duration // of the freeze, later calls succeed
	}{
		"ours":                                   {outbound.NewTransport(), 10 * time.Second, 5 * time.Second},
		"an app's":                               {&http.Transport{ForceAttemptHTTP2: true}, 10 * time.Second, 5 * time.Second},
		"an app's, used":                         {used, 10 * time.Second, 5 * time.Second},
		"an app's, used, with HTTP/2 by default": {plain, 10 * time.Second, 5 * time.Second},
		"callers in a hurry":                     {outbound.NewTransport(), 1200 * time.Millisecond, 3 * time.Second},
		"ours, without checks":                   {&http.Transport{ForceAttemptHTTP2: true, HTTP2: &http.HTTP2Config{SendPingTimeout: time.Hour}}, 2 * time.Second, 4 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t, true)
			c := h.client(t, row.transport)
			if proto, err := h.get(t.Context(), c, "/", 10*time.Second); err != nil || proto != "HTTP/2.0" {
				t.Fatalf("%q, %v", proto, err)
			}
			h.proxy.FreezeExisting()
			frozen := time.Now()
			var wait sync.WaitGroup
			var failed atomic.Int32
			for time.Since(frozen) < row.within+2*time.Second { // 50 a second
				wait.Go(func() {
					began := time.Now()
					_, err := h.get(t.Context(), c, "/", row.limit)
					if err != nil {
						failed.Add(1)
					}
					switch took := time.Since(began); {
					case err != nil && began.Sub(frozen) > row.within:
						t.Errorf("a call %v after the freeze: %v", began.Sub(frozen), err)
					case took > row.limit+3*time.Second: // the machine may be busy
						t.Errorf("a call took %v", took)
					}
				})
				time.Sleep(20 * time.Millisecond)
			}
			wait.Wait()
			if failed.Load() == 0 {
				t.Error("the freeze was not felt: this test proves nothing")
			}
			if n := h.connections.Load(); n > 10 { // a busy machine answers pings late, and gives up good ones
				t.Errorf("%d connections", n)
			}
		})
	}
}

// Connections that were idle when a router dropped them would fail one after another, unless the
// first failure closes the others.
func TestPool_IdleConnectionsAreGivenUpWithTheFirstThatFails(t *testing.T) {
	t.Parallel()
	h := newHost(t, false)
	c := h.client(t, outbound.NewTransport())
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() { _, _ = h.get(t.Context(), c, "/slow", 30*time.Second) })
	}
	for h.proxy.Conns() < 8 {
		time.Sleep(5 * time.Millisecond)
	}
	close(h.slow)
	wait.Wait()
	h.proxy.FreezeExisting()
	if _, err := h.get(t.Context(), c, "/", 1500*time.Millisecond); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("not on a frozen connection: %v", err)
	}
	for range 8 {
		if _, err := h.get(t.Context(), c, "/", 10*time.Second); err != nil {
			t.Errorf("after the first failure: %v", err)
		}
	}
}

// If a server is slow with one answer and fast with others, a new connection would not help.
func TestPool_ASlowAnswerAmongOthersCostsNoConnection(t *testing.T) {
	t.Parallel()
	h := newHost(t, true)
	c := h.client(t, outbound.NewTransport())
	if _, err := h.get(t.Context(), c, "/", 10*time.Second); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	var wait sync.WaitGroup
	wait.Go(func() {
		for {
			select {
			case <-done:
				return
			case <-time.After(5 * time.Millisecond):
			}
			if _, err := h.get(t.Context(), c, "/", 10*time.Second); err != nil {
				t.Error(err)
			}
		}
	})
	for _, path := range []string{"/slow", "/half"} {
		if _, err := h.get(t.Context(), c, path, 1200*time.Millisecond); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v", path, err)
		}
	}
	close(done)
	wait.Wait()
	if n := h.connections.Load(); n != 1 {
		t.Errorf("%d connections", n)
	}
}

// An answer that stops in the middle counts as no answer.
func TestPool_AnAnswerThatStopsIsALessonToo(t *testing.T) {
	t.Parallel()
	h := newHost(t, true)
	c := h.client(t, outbound.NewTransport())
	for range 2 {
		if _, err := h.get(t.Context(), c, "/half", 1200*time.Millisecond); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
	}
	if n := h.connections.Load(); n != 2 {
		t.Errorf("%d connections for two calls that were not answered, want one each", n)
	}
}

// The calls on a lost connection fail by one event, which the circuit breaker for Entra must not
// count as many.
func TestPool_ALossIsReportedOnce(t *testing.T) {
	t.Parallel()
	h := newHost(t, true)
	c := h.client(t, outbound.NewTransport())
	if _, err := h.get(t.Context(), c, "/", 10*time.Second); err != nil {
		t.Fatal(err)
	}
	h.proxy.FreezeExisting()
	var wait sync.WaitGroup
	var alone, together atomic.Int32
	for range 30 {
		wait.Go(func() {
			_, err := h.get(t.Context(), c, "/", 20*time.Second)
			switch {
			case errors.Is(err, outbound.ErrLostTogether):
				together.Add(1)
			case errors.Is(err, outbound.ErrLost):
				alone.Add(1)
			default:
				t.Errorf("%v", err)
			}
		})
	}
	wait.Wait()
	if alone.Load() != 1 || together.Load() != 29 {
		t.Errorf("%d reports of one loss, and %d that say so", alone.Load(), together.Load())
	}
}

// An app's transport may keep idle connections forever, and only the Pool can close those of its
// copies. Neither a retired line nor a closed Auth may leave any, no matter when the calls that are in
// progress end.
func TestPool_ConnectionsThatAreGivenUpAreClosed(t *testing.T) {
	t.Parallel()
	for name, http2 := range map[string]bool{"HTTP/1.1": false, "HTTP/2": true} {
		for by, giveUp := range map[string]func(*testing.T, *host, *http.Client){
			"a call in vain": func(t *testing.T, h *host, c *http.Client) {
				t.Helper()
				if _, err := h.get(t.Context(), c, "/slow", 1100*time.Millisecond); !errors.Is(err, context.DeadlineExceeded) {
					t.Error(err)
				}
			},
			"the end": func(_ *testing.T, _ *host, c *http.Client) { c.CloseIdleConnections() },
		} {
			t.Run(name+", "+by, func(t *testing.T) {
				t.Parallel()
				h := newHost(t, http2)
				var late, givenUp sync.WaitGroup
				clients := make([]*http.Client, 16)
				for i := range clients {
					clients[i] = &http.Client{Transport: outbound.New(h.trusting(&http.Transport{ForceAttemptHTTP2: true}))}
					late.Go(func() {
						if _, err := h.get(t.Context(), clients[i], "/late", time.Minute); err != nil {
							t.Error(err)
						}
					})
				}
				for end := time.Now().Add(time.Minute); h.lateCalls.Load() < 8; time.Sleep(time.Millisecond) {
					if time.Now().After(end) { // connections of the others are still being opened
						t.Fatalf("%d calls are under way", h.lateCalls.Load())
					}
				}
				for _, c := range clients {
					givenUp.Go(func() { giveUp(t, h, c) })
				}
				givenUp.Wait()
				close(h.late)
				late.Wait()
				for end := time.Now().Add(20 * time.Second); h.open.Load() != 0; time.Sleep(20 * time.Millisecond) {
					if time.Now().After(end) {
						t.Fatalf("%d of %d connections are open", h.open.Load(), h.connections.Load())
					}
				}
			})
		}
	}
}

// A server that acknowledges data but does not read it yet is not dead.
func TestPool_AnUploadMayWaitForItsReader(t *testing.T) {
	t.Parallel()
	for name, length := range map[string]int64{"known length": 16 << 20, "unknown length": -1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t, false)
			c := h.client(t, outbound.NewTransport())
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, h.URL+"/upload", io.NopCloser(io.LimitReader(zeros{}, 16<<20)))
			if err != nil {
				t.Fatal(err)
			}
			r.ContentLength = length
			resp, err := c.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
		})
	}
}

// zeros is an endless body.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// closer is a transport of a type that the app defines.
type closer struct {
	http.RoundTripper
	closed atomic.Int32
}

func (c *closer) RoundTrip(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

func (c *closer) CloseIdleConnections() { c.closed.Add(1) }

func TestPool_OfAnotherTypeOfTransportIdleConnectionsAreClosed(t *testing.T) {
	t.Parallel()
	base := new(closer)
	c := &http.Client{Transport: outbound.New(base)}
	ctx, cancel := context.WithTimeout(t.Context(), 1100*time.Millisecond)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://host.example/", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	for range 20 {
		wait.Go(func() {
			if resp, err := c.Do(r.Clone(ctx)); err == nil {
				_ = resp.Body.Close()
				t.Error("an answer")
			}
		})
	}
	wait.Wait()
	if n := base.closed.Load(); n != 1 {
		t.Errorf("idle connections were closed %d times for calls that were sent together", n)
	}
}
