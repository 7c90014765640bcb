package faultproxy_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/fibermsal/fibermsal/internal/faultproxy"
)

// echo runs a server that returns the bytes it receives, and returns its address.
func echo(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = c.Close() }()
				_, _ = io.Copy(c, c)
			}()
		}
	}()
	return l.Addr().String()
}

// conn is a client's connection.
type conn struct {
	net.Conn
	t *testing.T
}

func dial(t *testing.T, addr string) *conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return &conn{c, t}
}

// call sends a text and returns the time until it came back.
func (c *conn) call(text string) time.Duration {
	c.t.Helper()
	began := time.Now()
	if _, err := io.WriteString(c, text); err != nil {
		c.t.Fatal(err)
	}
	got := make([]byte, len(text))
	if _, err := io.ReadFull(c, got); err != nil || string(got) != text {
		c.t.Fatalf("%q came back as %q: %v", text, got, err)
	}
	return time.Since(began)
}

// checkSilent checks that nothing comes back, not even the end of the connection.
func (c *conn) checkSilent() {
	c.t.Helper()
	_, _ = io.WriteString(c, "hello?")
	_ = c.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
	var b [1]byte
	if n, err := c.Read(b[:]); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		c.t.Errorf("read %d bytes, %v", n, err)
	}
	_ = c.SetReadDeadline(time.Time{})
}

func TestProxy_ForwardsAllBytesInOrder(t *testing.T) {
	t.Parallel()
	for name, set := range map[string]func(*faultproxy.Proxy){
		"near":     func(*faultproxy.Proxy) {},
		"distant":  func(p *faultproxy.Proxy) { p.Delay(3*time.Millisecond, 2*time.Millisecond) },
		"lossy":    func(p *faultproxy.Proxy) { p.Loss(0.02) },
		"changing": func(p *faultproxy.Proxy) { go changeDelay(p) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := faultproxy.New(t, echo(t))
			set(p)
			l := dial(t, p.Addr())
			sent := make([]byte, 4<<20)
			for i := range sent {
				sent[i] = byte(rand.Uint32())
			}
			go func() {
				for rest := sent; len(rest) > 0; {
					n := min(len(rest), 1+rand.IntN(100_000))
					if _, err := l.Write(rest[:n]); err != nil {
						return
					}
					rest = rest[n:]
				}
				_ = l.Conn.(*net.TCPConn).CloseWrite()
			}()
			got, err := io.ReadAll(l)
			if err != nil || !bytes.Equal(got, sent) {
				t.Errorf("%d of %d bytes came back, %v", len(got), len(sent), err)
			}
		})
	}
}

func changeDelay(p *faultproxy.Proxy) {
	for i := range 50 {
		p.Delay(time.Duration(i%5)*time.Millisecond, 0)
		time.Sleep(time.Millisecond)
	}
}

// Round trips take the configured time, and a connection carries any number at the same time.
func TestDelay_IsTheRoundTripTime(t *testing.T) {
	t.Parallel()
	for _, rtt := range []time.Duration{time.Millisecond, 5 * time.Millisecond, 20 * time.Millisecond} {
		t.Run(rtt.String(), func(t *testing.T) {
			t.Parallel()
			p := faultproxy.New(t, echo(t))
			p.Delay(rtt, 0)
			began := time.Now()
			l := dial(t, p.Addr())
			l.call("hello")
			if first := time.Since(began); first < 2*rtt {
				t.Errorf("the first call took %v: opening the connection costs a round trip as well", first)
			}
			var calls []time.Duration
			for range 50 {
				calls = append(calls, l.call("hello"))
			}
			slices.Sort(calls)
			t.Logf("%v: fastest %v, median %v", rtt, calls[0], calls[25])
			if calls[0] < rtt || calls[0] > rtt+20*time.Millisecond { // the fastest of 50, on a busy machine
				t.Errorf("calls take %v", calls[0])
			}

			if rtt < 20*time.Millisecond {
				return // a busy machine may need as long to send
			}
			const pings = 200
			began = time.Now()
			go func() {
				for range pings {
					_, _ = io.WriteString(l, "ping")
					time.Sleep(rtt / 50)
				}
			}()
			if _, err := io.ReadFull(l, make([]byte, 4*pings)); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(began); took > pings*rtt/2 {
				t.Errorf("%d calls at once took %v: they wait for each other", pings, took)
			}
		})
	}
}

func TestDelay_JitterKeepsTheOrder(t *testing.T) {
	t.Parallel()
	p := faultproxy.New(t, echo(t))
	p.Delay(0, 20*time.Millisecond)
	l := dial(t, p.Addr())
	var slowest time.Duration
	for range 30 {
		slowest = max(slowest, l.call("hello"))
	}
	if slowest < 5*time.Millisecond { // with a probability of 1e-18
		t.Errorf("no jitter: the slowest call took %v", slowest)
	}
}

func TestLoss_CostsARetransmission(t *testing.T) {
	t.Parallel()
	p := faultproxy.New(t, echo(t))
	l := dial(t, p.Addr())
	p.Loss(1)
	if took := l.call("hello"); took < 400*time.Millisecond { // there and back
		t.Errorf("a lost segment arrived within %v", took)
	}
	p.Loss(0)
	l.call("hello again")
}

func TestConns_CountsClients(t *testing.T) {
	t.Parallel()
	p := faultproxy.New(t, echo(t))
	lines := []*conn{dial(t, p.Addr()), dial(t, p.Addr()), dial(t, p.Addr())}
	for _, l := range lines {
		l.call("hello")
	}
	if n := p.Conns(); n != 3 {
		t.Errorf("%d, want 3", n)
	}
	_ = lines[0].Close()
	awaitConns(t, p, 2)
	p.FreezeExisting()
	_ = lines[1].Close()
	awaitConns(t, p, 1)
}

func awaitConns(t *testing.T, p *faultproxy.Proxy, want int) {
	t.Helper()
	for until := time.Now().Add(5 * time.Second); p.Conns() != want; time.Sleep(time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("%d connections, want %d", p.Conns(), want)
		}
	}
}

func TestClose_EndsConnectionsWithBytesInFlight(t *testing.T) {
	t.Parallel()
	p, err := faultproxy.Start(echo(t))
	if err != nil {
		t.Fatal(err)
	}
	p.Delay(time.Hour, 0)
	var lines []*conn
	for range 5 {
		l := dial(t, p.Addr())
		_, _ = io.WriteString(l, "hello")
		lines = append(lines, l)
	}
	awaitConns(t, p, 5)
	ended := make(chan struct{})
	go func() { p.Close(); close(ended) }()
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Fatal("Close hangs")
	}
	for _, l := range lines {
		if _, err := l.Read(make([]byte, 1)); err == nil {
			t.Error("a connection is still open")
		}
	}
	socket, err := net.ListenPacket("udp", p.Addr())
	if err != nil {
		t.Fatalf("the port is still claimed: %v", err)
	}
	_ = socket.Close()
}

func TestProxy_WithoutAServerEndsTheConnection(t *testing.T) {
	t.Parallel()
	p := faultproxy.New(t, "127.0.0.1:1") // no process listens there
	if _, err := dial(t, p.Addr()).Read(make([]byte, 1)); err == nil {
		t.Error("read something")
	}
}

// The cost of the proxy, which affects measurements through it:
//
//	go test -run '^$' -bench . ./internal/faultproxy
func BenchmarkRoundTrips(b *testing.B) {
	for name, rtt := range map[string]time.Duration{"direct": -1, "0": 0, "1ms": time.Millisecond, "5ms": 5 * time.Millisecond} {
		b.Run(name, func(b *testing.B) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = l.Close() }()
			go func() {
				for {
					c, err := l.Accept()
					if err != nil {
						return
					}
					go func() { _, _ = io.Copy(c, c) }()
				}
			}()
			addr := l.Addr().String()
			if rtt >= 0 {
				p := faultproxy.New(b, addr)
				p.Delay(rtt, 0)
				addr = p.Addr()
			}
			var before, after syscall.Rusage
			_ = syscall.Getrusage(syscall.RUSAGE_SELF, &before)
			var wait sync.WaitGroup
			const conns = 50
			for range conns {
				wait.Go(func() {
					c, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", addr)
					if err != nil {
						b.Error(err)
						return
					}
					defer func() { _ = c.Close() }()
					msg := make([]byte, 400)
					for range b.N/conns + 1 {
						_, _ = c.Write(msg)
						if _, err := io.ReadFull(c, msg); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wait.Wait()
			_ = syscall.Getrusage(syscall.RUSAGE_SELF, &after)
			cpu := after.Utime.Nano() + after.Stime.Nano() - before.Utime.Nano() - before.Stime.Nano()
			b.ReportMetric(float64(cpu)/float64(b.N), "cpu-ns/op")
		})
	}
}
