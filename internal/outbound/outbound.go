// Package outbound contains the common parts of HTTP calls to Entra and to Graph: a transport with
// timeouts, response bodies of limited size, the detection of lost connections, and Retry-After.
package outbound

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// ErrTooLarge means that a response body exceeded its limit.
var ErrTooLarge = errors.New("the answer is too large")

const (
	// An HTTP/2 connection carries all calls to a host. If it has been silent for pingAfter, it is
	// checked, which takes at most pingTimeout. Calls may be sent on a dead connection for the sum of
	// both (golang.org/issue/59690). The sum is less than five seconds, after which users who were
	// asked to try again do so. Idle connections are checked as well, so that the next call has a
	// working one.
	pingAfter   = 1500 * time.Millisecond
	pingTimeout = 2 * time.Second
	// dialTimeout is the limit for connecting, and again for the TLS handshake after it.
	dialTimeout = 5 * time.Second
	// ackTimeout is how long sent data may be unacknowledged, on systems whose kernel supports that. It
	// detects dead HTTP/1.1 connections, which cannot be checked by pings. It leaves time for four
	// retransmissions.
	ackTimeout = 5 * time.Second
)

// keepAlive makes the kernel close dead idle connections, and keeps routers from dropping the
// others.
var keepAlive = net.KeepAliveConfig{Enable: true, Idle: 10 * time.Second, Interval: 2 * time.Second, Count: 3}

// enablePings makes net/http check HTTP/2 connections, with the configured times if there are
// any.
func enablePings(c *http.HTTP2Config) {
	if c.SendPingTimeout == 0 {
		c.SendPingTimeout = pingAfter
	}
	if c.PingTimeout == 0 {
		c.PingTimeout = pingTimeout
	}
}

// NewTransport returns a transport with timeouts that are short enough for a user who is waiting. It
// uses the proxies of the environment.
func NewTransport() *http.Transport {
	dialer := &net.Dialer{Timeout: dialTimeout, KeepAliveConfig: keepAlive, Control: boundAcks}
	return &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         dialer.DialContext,
		HTTP2:               &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingTimeout},
		TLSHandshakeTimeout: dialTimeout,
		IdleConnTimeout:     90 * time.Second,
		MaxIdleConnsPerHost: 64,
		ForceAttemptHTTP2:   true,
	}
}

// Body is a response body of limited size. Beyond the limit it fails with [ErrTooLarge] instead of
// ending, so that a truncated body does not look complete.
type Body struct {
	io.ReadCloser
	left int64
}

// Bound returns body with a limit of limit bytes.
func Bound(body io.ReadCloser, limit int64) *Body {
	return &Body{ReadCloser: body, left: limit}
}

// Read implements [io.Reader].
func (b *Body) Read(p []byte) (int, error) {
	if b.left < 0 {
		return 0, ErrTooLarge
	}
	if int64(len(p))-1 > b.left { // not b.left+1, which overflows for the largest limit
		p = p[:b.left+1] // one more byte shows whether the body ends at the limit
	}
	n, err := b.ReadCloser.Read(p)
	b.left -= int64(n)
	if b.left < 0 {
		return 0, ErrTooLarge
	}
	return n, err
}

// RetryAfter returns the value of the header Retry-After, which is in seconds or a date
// (RFC 9110 section 10.2.3), but at most maximum. It returns 0 without a valid header.
func RetryAfter(h http.Header, maximum time.Duration) time.Duration {
	value := h.Get("Retry-After")
	if value == "" {
		return 0
	}
	var wait time.Duration
	if seconds, err := strconv.ParseInt(value, 10, 64); err == nil || errors.Is(err, strconv.ErrRange) {
		wait = time.Duration(min(max(seconds, 0), int64(maximum/time.Second))) * time.Second // limited first, because the product could overflow
	} else if date, err := http.ParseTime(value); err == nil {
		wait = time.Until(date)
	}
	return min(max(wait, 0), maximum)
}

// Cause returns a transport error without the URL, whose query may contain a
// credential or identify a person.
func Cause(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}
