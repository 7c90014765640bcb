// Package outbound is what HTTP calls to Entra and to Graph have in common: a
// transport with time-outs, answers of bounded size, and what of their failures
// and wishes is passed on.
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

// ErrTooLarge says that an answer exceeded its bound.
var ErrTooLarge = errors.New("the answer is too large")

const (
	// pingAfter is for how long an HTTP/2 connection, on which all calls to a host are sent,
	// may be silent before it is checked, and pingTimeout how long that takes at most. Their
	// sum is how long calls are sent on a connection that passes nothing any more (golang.org/issue/59690),
	// and less than the five seconds after which a user who was told to try again does.
	// Idle connections are checked as well, so that the next call finds one that works.
	pingAfter   = 1500 * time.Millisecond
	pingTimeout = 2 * time.Second
	// dialTimeout is for connecting, and for the TLS handshake.
	dialTimeout = 5 * time.Second
	// ackTimeout is for how long data may not be acknowledged, where the kernel tells: the
	// same for HTTP/1.1, whose connections nobody can check. It leaves time for four
	// retransmissions.
	ackTimeout = 5 * time.Second
)

// keepAlive finds idle connections that are dead, and keeps routers from forgetting those
// that are not.
var keepAlive = net.KeepAliveConfig{Enable: true, Idle: 10 * time.Second, Interval: 2 * time.Second, Count: 3}

// check has HTTP/2 connections checked, unless that is configured already.
func check(c *http.HTTP2Config) {
	if c.SendPingTimeout == 0 {
		c.SendPingTimeout = pingAfter
	}
	if c.PingTimeout == 0 {
		c.PingTimeout = pingTimeout
	}
}

// NewTransport makes a transport that waits for nothing longer than a user would,
// and honours the environment's proxies.
func NewTransport() *http.Transport {
	dialer := &net.Dialer{Timeout: dialTimeout, KeepAliveConfig: keepAlive, Control: boundAcks}
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           dialer.DialContext,
		HTTP2:                 &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingTimeout},
		TLSHandshakeTimeout:   dialTimeout,
		ResponseHeaderTimeout: 15 * time.Second,
		IdleConnTimeout:       90 * time.Second,
		MaxIdleConnsPerHost:   64,
		ForceAttemptHTTP2:     true,
	}
}

// Body is an answer's body that fails with [ErrTooLarge] behind its bound instead
// of ending there: half an answer must not look like a whole one.
type Body struct {
	io.ReadCloser
	left int64
}

// Bound wraps a body that may have limit bytes.
func Bound(body io.ReadCloser, limit int64) *Body {
	return &Body{ReadCloser: body, left: limit}
}

// Read implements [io.Reader].
func (b *Body) Read(p []byte) (int, error) {
	if b.left < 0 {
		return 0, ErrTooLarge
	}
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1] // the one byte more tells the end from too much
	}
	n, err := b.ReadCloser.Read(p)
	b.left -= int64(n)
	if b.left < 0 {
		return 0, ErrTooLarge
	}
	return n, err
}

// RetryAfter reads the header, which is in seconds or a date (RFC 9110 section
// 10.2.3), up to a maximum; 0 is no wish.
func RetryAfter(h http.Header, maximum time.Duration) time.Duration {
	value := h.Get("Retry-After")
	var wait time.Duration
	if seconds, err := strconv.ParseInt(value, 10, 64); err == nil {
		wait = time.Duration(min(seconds, int64(maximum/time.Second))) * time.Second
	} else if date, err := http.ParseTime(value); err == nil {
		wait = time.Until(date)
	}
	return min(max(wait, 0), maximum)
}

// Cause is a transport error without the URL, whose query may be a credential or
// name a person.
func Cause(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}
