// Package redisdial connects a Redis client to its servers, and notices connections that
// the network has silently dropped.
//
// NATs, load balancers and failed hosts drop connections without closing them. go-redis then takes one
// dead connection after another from its pool and waits for each until its timeout. With 80 of them,
// commands failed for half a minute after Redis was reachable again (trap R6). A Dialer therefore
// closes connections together. When a command gets no reply, or finds its connection closed, all idle
// connections that have received nothing since the command was sent are closed as well.
//
// After as many failed dials as a pool has connections, go-redis dials only once a second, so that commands failed
// for up to a second after Redis was back (trap R8). With Unpaused, a client reports a failed dial when it uses the
// connection.
package redisdial

import (
	"context"
	"crypto/tls"
	"net"
	"sync"
	"time"
)

// TCP keep-alive makes the kernel close a dead idle connection within half a minute, and keeps
// NATs from dropping idle connections.
const (
	keepAliveIdle     = 15 * time.Second
	keepAliveInterval = 5 * time.Second
	keepAliveCount    = 3
)

// Dialer opens the connections of one client. It is safe for concurrent use.
type Dialer struct {
	timeout      time.Duration
	replyTimeout time.Duration
	config       *tls.Config
	epoch        time.Time

	mu    sync.Mutex
	conns map[string]map[*conn]struct{} // by address
}

// New returns a Dialer. timeout is the limit for connecting, including the TLS handshake. replyTimeout
// is how long the client waits for a reply; a connection without a reply for half of that is considered
// dead. Zero means no limit. config is nil without TLS.
func New(timeout, replyTimeout time.Duration, config *tls.Config) *Dialer {
	return &Dialer{timeout: timeout, replyTimeout: replyTimeout, config: config, epoch: time.Now(), conns: make(map[string]map[*conn]struct{})}
}

// Dial connects to a server. It has the signature of redis.Options.Dialer.
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
	c.receivedAt.Store(d.now())
	d.add(c)
	return c, nil
}

func (d *Dialer) net() *net.Dialer {
	return &net.Dialer{KeepAliveConfig: net.KeepAliveConfig{
		Enable: true, Idle: keepAliveIdle, Interval: keepAliveInterval, Count: keepAliveCount,
	}}
}

// configFor returns the TLS configuration for a server. Unless a ServerName is configured, the
// certificate must be for the server's own name.
func (d *Dialer) configFor(addr string) *tls.Config {
	if d.config.ServerName != "" || d.config.InsecureSkipVerify {
		return d.config
	}
	own := d.config.Clone()
	own.ServerName, _, _ = net.SplitHostPort(addr)
	return own
}

// now returns a monotonic time, in nanoseconds since the Dialer was made.
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

// noReply closes idle connections after c received no reply before its deadline.
func (d *Dialer) noReply(c *conn) {
	if d.replyTimeout == 0 || d.now()-c.sentAt.Load() < int64(d.replyTimeout/2) {
		return // the caller's own deadline was short, which implies nothing about the network
	}
	d.killIdle(c)
}

// killIdle closes the other connections to the same address that are idle and have received
// nothing since c sent its command, because they are most likely dead, too. Connections that
// wait for a reply fail by themselves.
func (d *Dialer) killIdle(c *conn) {
	sent := c.sentAt.Load()
	d.mu.Lock()
	defer d.mu.Unlock()
	for other := range d.conns[c.addr] {
		if other != c && other.idle() && other.receivedAt.Load() < sent {
			other.kill()
		}
	}
}
