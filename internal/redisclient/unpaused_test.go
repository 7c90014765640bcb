package redisclient_test

import (
	"net"
	"sync/atomic"
	"testing"

	"github.com/fibermsal/fibermsal/internal/redisclient"
)

// However many dials have failed, each command dials again (trap R8). The server ends each connection, so the TLS
// handshake fails, which is a part of the dial.
func TestNew_FailedDialsDoNotPauseAClient(t *testing.T) {
	t.Parallel()
	for name, query := range map[string]string{
		"single": "?pool_size=3", "cluster": "?pool_size=3&addr=127.0.0.1:1", "sentinel": "?pool_size=3&master_name=app",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = l.Close() })
			var dials atomic.Int64
			go func() {
				for {
					c, err := l.Accept()
					if err != nil {
						return
					}
					dials.Add(1)
					_ = c.Close()
				}
			}()
			client, err := redisclient.New("rediss://"+l.Addr().String()+query, redisclient.Options{})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = client.Close() })
			const commands = 12
			for range commands {
				if err := client.Ping(t.Context()).Err(); err == nil {
					t.Fatal("a command succeeded")
				}
			}
			if n := dials.Load(); n < commands {
				t.Errorf("%d dials for %d commands", n, commands)
			}
		})
	}
}
