package fibermsal_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

// serve serves a site on a socket, where Fiber reuses the buffers of a connection, and returns a client
// that uses one connection for all users.
func (s *site) serve() *http.Client {
	s.t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.t.Fatal(err)
	}
	go listen(s.app, listener)
	transport := &http.Transport{
		MaxConnsPerHost: 1,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", listener.Addr().String())
		},
	}
	s.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       30 * time.Second,
	}
}

func fetch(t *testing.T, client *http.Client, path, cookie string) (status int, body string) {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, "http://app.example"+path, http.NoBody)
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	if cookie != "" {
		r.Header.Set("Cookie", sessionCookie+"="+cookie)
	}
	resp, err := client.Do(r)
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	defer func() { _ = resp.Body.Close() }()
	raw, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(raw)
}
