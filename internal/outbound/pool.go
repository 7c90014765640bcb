package outbound

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync"
	"time"
)

const (
	// unanswered is how long a call must have waited, while its host answered no other call, before its
	// connection is considered dead. A call that ends earlier gives no information about the
	// connection, and opening a new one each time would cost a handshake.
	unanswered = time.Second
	// lateDial is how long a connection may still be in the process of being opened after its caller
	// has given up. It is the sum of the limits of [NewTransport] for connecting and for the TLS
	// handshake.
	lateDial = 2 * dialTimeout
	// maxUnread is how many bytes every server accepts before it reads a request's body.
	maxUnread = 32 << 10
	// maxHosts is the maximum number of lines. Entra and Graph are two hosts.
	maxHosts = 64
)

// Pool is an [http.RoundTripper] that sends no call on a connection on which another call has
// just waited without an answer. A connection that a firewall or a load balancer has dropped
// stays open. With HTTP/2, all calls to a host would be sent on it. With HTTP/1.1, one call
// after another would be sent on each dropped connection that was idle. A Pool is safe for
// concurrent use.
type Pool struct {
	base http.RoundTripper
	own  *http.Transport // the template of transports; nil if the base is of another type

	mu    sync.Mutex
	hosts map[string]*line
}

// line is the set of connections to one host. After a line has been retired, calls that are in progress
// on it continue, and later calls are sent on a new line.
type line struct {
	http.RoundTripper

	// The following fields are guarded by Pool.mu.
	calls      int
	answeredAt time.Time
	cleanedAt  time.Time
	retired    bool
	tidied     bool
	lost       any // the last connection that was lost
}

// New returns a Pool that uses base, or [NewTransport] if base is nil. If base is an [http.Transport],
// the Pool uses copies of it with the same settings, and checks their connections. For a transport of
// another type, the Pool only closes idle connections. If the type has no method for that, New returns
// base.
func New(base http.RoundTripper) http.RoundTripper {
	if base == nil {
		base = NewTransport()
	}
	p := &Pool{base: base, hosts: make(map[string]*line)}
	switch t := base.(type) {
	case *Pool:
		return t
	case *http.Transport:
		p.own = own(t)
	case interface{ CloseIdleConnections() }:
	default:
		return base
	}
	return p
}

// own returns a transport with the settings of t. It returns nil if the HTTP/2 of t is not that
// of net/http, because copies would share its connections.
func own(t *http.Transport) *http.Transport {
	c := t.Clone()
	if c.TLSNextProto["h2"] != nil {
		return nil
	}
	if t.TLSNextProto["h2"] != nil {
		c.ForceAttemptHTTP2 = true // a copy of a transport that was in use would not use HTTP/2
	}
	if c.HTTP2 == nil {
		c.HTTP2 = new(http.HTTP2Config)
	}
	enablePings(c.HTTP2)
	return c
}

// RoundTrip implements [http.RoundTripper].
func (p *Pool) RoundTrip(r *http.Request) (*http.Response, error) {
	began, l := time.Now(), p.begin(r.URL.Host)
	ended := false
	end := sync.OnceFunc(func() { p.end(l) })
	defer func() {
		if !ended {
			end()
		}
	}()
	c := connection{large: large(r)}
	resp, err := l.RoundTrip(r.WithContext(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{GotConn: c.got})))
	if err != nil {
		p.failed(r.URL.Host, l, &c, began)
		return nil, p.lost(r.Context(), l, &c, err)
	}
	p.answered(l)
	if resp.Body == nil || resp.Body == http.NoBody {
		return resp, nil
	}
	ended = true // with the body
	resp.Body = &answer{
		ReadCloser: resp.Body, end: end, closed: func() { p.tidy(l) },
		failed: func() { p.failed(r.URL.Host, l, &c, began) },
	}
	return resp, nil
}

// large reports whether a request may have a larger body than a server accepts before it reads.
func large(r *http.Request) bool {
	return r.Body != nil && r.Body != http.NoBody && (r.ContentLength > maxUnread || r.ContentLength <= 0) // or the length is unknown
}

// answer is a response body that reports how it ends.
type answer struct {
	io.ReadCloser
	end, closed, failed func()
}

// Read implements [io.Reader].
func (a *answer) Read(b []byte) (int, error) {
	n, err := a.ReadCloser.Read(b)
	if err != nil {
		if !errors.Is(err, io.EOF) {
			a.failed()
		}
		a.end()
	}
	return n, err
}

// Close implements [io.Closer].
func (a *answer) Close() error {
	defer a.closed()
	defer a.end()
	return a.ReadCloser.Close()
}

// begin returns the line for a call to a host.
func (p *Pool) begin(host string) *line {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := p.hosts[host]
	if l == nil && len(p.hosts) >= maxHosts {
		host = ""
		l = p.hosts[host]
	}
	if l == nil {
		l = &line{RoundTripper: p.base}
		if p.own != nil {
			l.RoundTripper = own(p.own)
		}
		p.hosts[host] = l
	}
	l.calls++
	return l
}

func (p *Pool) answered(l *line) {
	p.mu.Lock()
	defer p.mu.Unlock()
	l.answeredAt = time.Now()
}

// end ends a call on a line.
func (p *Pool) end(l *line) {
	p.mu.Lock()
	l.calls--
	p.mu.Unlock()
	p.tidy(l)
}

// tidy closes the connections of a retired line after its last call. It does so again later, because
// net/http releases an HTTP/2 connection only a moment after the end of a body, and finishes opening a
// connection whose caller has given up. Without an IdleConnTimeout, such a connection would stay open,
// and be checked, forever.
func (p *Pool) tidy(l *line) {
	p.mu.Lock()
	last := l.retired && l.calls == 0
	again := last && !l.tidied
	l.tidied = l.tidied || last
	p.mu.Unlock()
	if last {
		closeIdle(l.RoundTripper)
	}
	if again {
		time.AfterFunc(lateDial, func() { closeIdle(l.RoundTripper) })
	}
}

// failed is called after a call that got no answer or an incomplete one. It closes idle connections,
// and retires the line unless another call was answered in the meantime, because a shared connection
// that answers other calls works.
func (p *Pool) failed(host string, l *line, c *connection, began time.Time) {
	_, shared := c.shared()
	if p.distrust(host, l, shared, began) {
		closeIdle(l.RoundTripper)
	}
}

// distrust reports whether idle connections must be closed, and retires the line if it must not be used
// any more.
func (p *Pool) distrust(host string, l *line, shared bool, began time.Time) (closesIdle bool) {
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	silent := now.Sub(l.answeredAt) >= unanswered
	switch {
	case now.Sub(began) < unanswered, l.retired, shared && !silent:
		return false
	case began.Before(l.cleanedAt): // the present connections were opened or used after the call was sent
		return false
	}
	l.cleanedAt = now
	if p.own != nil && silent {
		l.retired = true
		if p.hosts[host] == l {
			delete(p.hosts, host)
		} else {
			delete(p.hosts, "")
		}
	}
	return true
}

func closeIdle(t http.RoundTripper) {
	if c, ok := t.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// CloseIdleConnections closes the idle connections to all hosts now, and the others when their calls
// have ended. The app cannot close them through its own transport, because they belong to copies of it.
func (p *Pool) CloseIdleConnections() {
	p.mu.Lock()
	lines := make([]*line, 0, len(p.hosts))
	for host, l := range p.hosts {
		lines = append(lines, l)
		if p.own != nil {
			l.retired = true
			delete(p.hosts, host)
		}
	}
	p.mu.Unlock()
	for _, l := range lines {
		closeIdle(l.RoundTripper)
		p.tidy(l)
	}
}

// ProxyFor returns the proxy that a request goes through, or nil if there is none or the
// transport does not report it.
func (p *Pool) ProxyFor(r *http.Request) (*url.URL, error) {
	if p.own == nil || p.own.Proxy == nil {
		return nil, nil
	}
	return p.own.Proxy(r)
}
