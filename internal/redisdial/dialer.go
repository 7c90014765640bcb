// Package redisdial connects a Redis client to its servers, and notices connections that
// the network has silently dropped.
//
// NATs, load balancers and failed hosts forget connections without a word. go-redis then
// takes one dead connection after the other from its pool and waits for each until its
// time limit: 80 of them were half a minute of failures after Redis was reachable again
// (trap R6). Here the first that gets no answer, or is found closed, takes along all that
// have been silent for longer.
package redisdial

import (
	"context"
	"crypto/tls"
	"net"
	"sync"
	"time"
)

// TCP keep-alive makes the kernel close an idle connection within half a minute of its
// death, and keeps the mapping of a NAT alive.
const (
	keepAliveIdle     = 15 * time.Second
	keepAliveInterval = 5 * time.Second
	keepAliveCount    = 3
)

// Dialer makes the connections of one client. It is safe for concurrent use.
type Dialer struct {
	timeout time.Duration
	answer  time.Duration
	config  *tls.Config
	epoch   time.Time

	mu    sync.Mutex
	conns map[string]map[*conn]struct{} // by address
}

// New makes a Dialer. Timeout bounds connecting, with the TLS handshake. Answer is how long
// the client waits for an answer: a connection that stayed silent for half of that is taken
// for dead. Zero is without limit. Config is nil without TLS.
func New(timeout, answer time.Duration, config *tls.Config) *Dialer {
	return &Dialer{timeout: timeout, answer: answer, config: config, epoch: time.Now(), conns: make(map[string]map[*conn]struct{})}
}

// Dial has the form of redis.Options.Dialer.
func (d *Dialer) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if d.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, d.timeout)
		defer cancel()
	}
	raw, err := d.net().DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	c := &conn{Conn: raw, raw: raw, dialer: d, addr: addr}
	if d.config != nil {
		secured := tls.Client(raw, d.configFor(addr))
		if err := secured.HandshakeContext(ctx); err != nil {
			_ = raw.Close()
			return nil, err
		}
		c.Conn, c.secured = secured, true
	}
	c.heardAt.Store(d.now())
	d.add(c)
	return c, nil
}

func (d *Dialer) net() *net.Dialer {
	return &net.Dialer{KeepAliveConfig: net.KeepAliveConfig{
		Enable: true, Idle: keepAliveIdle, Interval: keepAliveInterval, Count: keepAliveCount,
	}}
}

// configFor expects a certificate for the server's own name unless another one is set.
func (d *Dialer) configFor(addr string) *tls.Config {
	if d.config.ServerName != "" || d.config.InsecureSkipVerify {
		return d.config
	}
	own := d.config.Clone()
	own.ServerName, _, _ = net.SplitHostPort(addr)
	return own
}

// now is a monotonic time.
func (d *Dialer) now() int64 { return int64(time.Since(d.epoch)) }

func (d *Dialer) add(c *conn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.conns[c.addr] == nil {
		d.conns[c.addr] = make(map[*conn]struct{})
	}
	d.conns[c.addr][c] = struct{}{}
}

func (d *Dialer) remove(c *conn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.conns[c.addr], c)
	if len(d.conns[c.addr]) == 0 {
		delete(d.conns, c.addr)
	}
}

// noAnswer is called when a connection got no answer within its time limit.
func (d *Dialer) noAnswer(c *conn) {
	if d.answer == 0 || d.now()-c.askedAt.Load() < int64(d.answer/2) {
		return // a caller in a hurry: that says nothing about the network
	}
	d.killIdle(c)
}

// killIdle closes the other connections to the same address that are idle and have heard
// nothing since the question was asked: they are most likely dead, too. Those that wait for
// an answer find out by themselves.
func (d *Dialer) killIdle(c *conn) {
	asked := c.askedAt.Load()
	d.mu.Lock()
	defer d.mu.Unlock()
	for other := range d.conns[c.addr] {
		if other != c && other.idle() && other.heardAt.Load() < asked {
			other.kill()
		}
	}
}
