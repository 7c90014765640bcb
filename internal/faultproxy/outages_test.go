package faultproxy_test

import (
	"errors"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/fibermsal/fibermsal/internal/faultproxy"
)

func TestFreezeExisting_IsSilentAndPermanent(t *testing.T) {
	t.Parallel()
	p := faultproxy.New(t, echo(t))
	p.Delay(time.Millisecond, 0)
	old, idle := dial(t, p.Addr()), dial(t, p.Addr())
	old.call("hello")
	idle.call("hello")
	p.FreezeExisting()
	old.checkSilent()
	dial(t, p.Addr()).call("hello")
	if err := p.Resume(); err != nil {
		t.Fatal(err)
	}
	old.checkSilent()
	idle.checkSilent()
	dial(t, p.Addr()).call("hello")
}

func TestBlackHole_ConnectsAndIsSilentUntilResume(t *testing.T) {
	t.Parallel()
	p := faultproxy.New(t, echo(t))
	old := dial(t, p.Addr())
	old.call("hello")
	p.BlackHole()
	late := dial(t, p.Addr())
	old.checkSilent()
	late.checkSilent()
	if err := p.Resume(); err != nil {
		t.Fatal(err)
	}
	dial(t, p.Addr()).call("hello")
	old.checkSilent()
	late.checkSilent()
}

func TestUnreachable_AnswersNoSYN(t *testing.T) {
	t.Parallel()
	p := faultproxy.New(t, echo(t))
	old := dial(t, p.Addr())
	old.call("hello")
	if err := p.Unreachable(); err != nil {
		t.Fatal(err)
	}
	dialer := net.Dialer{Timeout: 200 * time.Millisecond}
	for range 3 {
		c, err := dialer.Dial("tcp", p.Addr())
		if err == nil {
			_ = c.Close()
		}
		if timeout := net.Error(nil); !errors.As(err, &timeout) || !timeout.Timeout() {
			t.Errorf("connecting: %v", err)
		}
	}
	old.checkSilent()
	patient := make(chan error, 1)
	go func() {
		c, err := net.Dial("tcp", p.Addr())
		if err == nil {
			err = c.Close()
		}
		patient <- err
	}()
	time.Sleep(50 * time.Millisecond) // its SYN is lost
	if err := p.Resume(); err != nil {
		t.Fatal(err)
	}
	dial(t, p.Addr()).call("hello")
	old.checkSilent()
	if err := <-patient; err != nil {
		t.Errorf("a client that repeats its SYN: %v", err)
	}
	if err := p.Unreachable(); err != nil {
		t.Errorf("a second time: %v", err)
	}
}

func TestRefuse_ClosesThePortUntilResume(t *testing.T) {
	t.Parallel()
	p := faultproxy.New(t, echo(t))
	old := dial(t, p.Addr())
	old.call("hello")
	p.Refuse()
	if _, err := net.Dial("tcp", p.Addr()); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("connecting: %v", err)
	}
	old.call("still here")
	if socket, err := net.ListenPacket("udp", p.Addr()); err == nil {
		_ = socket.Close()
		t.Error("another test can claim the port (package freeport)")
	}
	if err := p.Resume(); err != nil {
		t.Fatal(err)
	}
	dial(t, p.Addr()).call("hello")
	old.call("still here")
}

func TestCut_EndsAllConnections(t *testing.T) {
	t.Parallel()
	p := faultproxy.New(t, echo(t))
	frozen := dial(t, p.Addr())
	frozen.call("hello")
	p.FreezeExisting()
	working := dial(t, p.Addr())
	working.call("hello")
	p.Cut()
	for _, l := range []*conn{frozen, working} {
		if n, err := l.Read(make([]byte, 1)); n != 0 || err == nil {
			t.Errorf("read %d bytes after the end", n)
		}
	}
	dial(t, p.Addr()).call("hello")
}
