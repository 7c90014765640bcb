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
	// unanswered is how long a call must have waited in vain, and its host have answered no
	// other, for the connection to be distrusted. A caller in more of a hurry says nothing
	// about it, and would cost a handshake each time.
	unanswered = time.Second
	// lateDial is how long after its caller has left a connection may still be opened:
	// the limits of [NewTransport] for connecting and the TLS handshake.
	lateDial = 2 * dialTimeout
	// maxUnread is how many bytes any server takes before it reads a request's body.
	maxUnread = 32 << 10
	// maxHosts bounds the pools. Entra and Graph are two.
	maxHosts = 64
)

// Pool is an [http.RoundTripper] that sends no call on connections on which another has
// just waited in vain. A connection that a firewall or a load balancer forgot is not
// closed: with HTTP/2 all calls to a host would be sent on it, and with HTTP/1.1 one call
// after the other on each of those that were idle. It is safe for concurrent use.
type Pool struct {
	base http.RoundTripper
	own  *http.Transport // to make transports like it; nil if the base is of another type

	mu    sync.Mutex
	hosts map[string]*line
}

// line is the connections to one host. Calls that are under way on a line that is not
// trusted any more end in their own time; later ones are sent on the next line.
type line struct {
	http.RoundTripper

	// What follows is guarded by Pool.mu.
	calls      int
	answeredAt time.Time
	cleanedAt  time.Time
	retired    bool
	tidied     bool
	lost       any // the connection that was lost last
}

// New makes a Pool of a transport; nil is one of [NewTransport]. Of a transport of net/http
// it makes its own ones with the same settings, and connections that are checked; of any
// other it can close idle connections at most.
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

// own returns a transport with the settings of t, or nil if its HTTP/2 is not that of
// net/http: copies would share its connections.
func own(t *http.Transport) *http.Transport {
	c := t.Clone()
	if c.TLSNextProto["h2"] != nil {
		return nil
	}
	if t.TLSNextProto["h2"] != nil {
		c.ForceAttemptHTTP2 = true // a copy of a transport that was in use would do without
	}
	if c.HTTP2 == nil {
		c.HTTP2 = new(http.HTTP2Config)
	}
	check(c.HTTP2)
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

// large reports whether a request may have more than a server takes that does not read.
func large(r *http.Request) bool {
	return r.Body != nil && r.Body != http.NoBody && (r.ContentLength > maxUnread || r.ContentLength <= 0) // or unknown
}

// answer is a body that tells how it ends.
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

// begin returns what a call is sent on.
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

// end is that of a call.
func (p *Pool) end(l *line) {
	p.mu.Lock()
	l.calls--
	p.mu.Unlock()
	p.tidy(l)
}

// tidy closes the connections of a line that no call will be sent on any more. net/http
// lets go of an HTTP/2 connection a moment after the end of a body, and goes on opening one
// whose caller has left, so that one look is not enough: without an IdleConnTimeout what it
// misses would stay, and be checked, for ever.
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

// failed draws the conclusion from a call that was not answered, or not to the end: idle
// connections are closed, and if nothing else was answered, no other is trusted either. A
// shared connection that answers other calls is a good one.
func (p *Pool) failed(host string, l *line, c *connection, began time.Time) {
	_, shared := c.shared()
	if p.distrust(host, l, shared, began) {
		closeIdle(l.RoundTripper)
	}
}

func (p *Pool) distrust(host string, l *line, shared bool, began time.Time) (conclusive bool) {
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	silent := now.Sub(l.answeredAt) >= unanswered
	switch {
	case now.Sub(began) < unanswered, l.retired, shared && !silent:
		return false
	case began.Before(l.cleanedAt): // what there is now was opened or used after the call was sent
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

// CloseIdleConnections closes those of all hosts, and the others when their calls have
// ended: nobody else can, since copies of the app's transport have opened them.
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
// transport does not tell.
func (p *Pool) ProxyFor(r *http.Request) (*url.URL, error) {
	if p.own == nil || p.own.Proxy == nil {
		return nil, nil
	}
	return p.own.Proxy(r)
}
