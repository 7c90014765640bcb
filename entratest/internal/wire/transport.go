package wire

import (
	"fmt"
	"io"
	"net/http"
)

// Transport is an http.RoundTripper that calls a handler in the goroutine of the caller.
type Transport struct {
	// HandlerFor finds the handler for the URL of a request.
	HandlerFor func(r *http.Request) (http.Handler, error)
}

// RoundTrip implements http.RoundTripper.
func (t Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer func() { _ = r.Body.Close() }() // RoundTrip must close it; an error of closing does not matter
	}
	handler, err := t.HandlerFor(r)
	if err != nil {
		return nil, err
	}
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	answer := NewAnswer()
	aborted := run(handler, answer, received(r))
	if err := r.Context().Err(); aborted && err != nil {
		return nil, err
	}
	if aborted && !answer.started {
		return nil, fmt.Errorf("entratest: the connection was dropped: %w", io.ErrUnexpectedEOF)
	}
	return answer.response(r, aborted), nil
}

// received turns an outgoing request into the one that a server would have received.
func received(r *http.Request) *http.Request {
	in := r.Clone(r.Context())
	in.RequestURI = r.URL.RequestURI()
	in.RemoteAddr = "127.0.0.1:50000"
	if in.Host == "" {
		in.Host = r.URL.Host
	}
	if in.Body == nil {
		in.Body = http.NoBody
	}
	return in
}

// run calls the handler. It reports whether the handler broke the connection by a panic with
// http.ErrAbortHandler.
func run(h http.Handler, w http.ResponseWriter, r *http.Request) (aborted bool) {
	defer func() {
		switch err := recover(); err {
		case nil:
		case http.ErrAbortHandler:
			aborted = true
		default:
			panic(err)
		}
	}()
	h.ServeHTTP(w, r)
	return false
}
