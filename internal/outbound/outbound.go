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

// NewTransport makes a transport that waits for nothing longer than a user would,
// and honours the environment's proxies.
func NewTransport() *http.Transport {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
		TLSHandshakeTimeout:   5 * time.Second,
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
