package entratest

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
)

// inProcess is an http.RoundTripper that calls the server in the goroutine of the caller.
type inProcess struct{ server *Server }

// RoundTrip serves requests to the server's own origins and refuses all others.
func (t inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer func() { _ = r.Body.Close() }() // what RoundTrip owes its caller; closing what was read cannot matter
	}
	handler, err := t.server.handlerFor(r)
	if err != nil {
		return nil, err
	}
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	answer := newAnswer()
	aborted := run(handler, answer, received(r))
	if err := r.Context().Err(); aborted && err != nil {
		return nil, err
	}
	if aborted && !answer.started {
		return nil, fmt.Errorf("entratest: the connection was dropped: %w", io.ErrUnexpectedEOF)
	}
	return answer.response(r, aborted), nil
}

// handlerFor finds the face that the URL's origin shows.
func (s *Server) handlerFor(r *http.Request) (http.Handler, error) {
	s.mu.Lock()
	closed := s.closed
	s.mu.Unlock()
	origin := r.URL.Scheme + "://" + r.URL.Host
	switch {
	case closed:
		return nil, errClosed
	case r.URL.Scheme == "http" && origin == s.browser:
		return plainHTTP(s.Handler()), nil
	case origin == s.login, origin == s.browser, origin == s.graph:
		return s.Handler(), nil
	default:
		return nil, fmt.Errorf("entratest: %s is not part of the emulator", origin)
	}
}

// received turns an outgoing request into what a server would have read from the wire.
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

// run calls the handler. It reports whether the handler broke the connection in net/http's way.
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

// answer is a response under construction.
type answer struct {
	header  http.Header
	status  int
	body    bytes.Buffer
	stream  io.Reader // wins over body
	started bool
}

func newAnswer() *answer { return &answer{header: http.Header{}, status: http.StatusOK} }

// Header implements http.ResponseWriter.
func (a *answer) Header() http.Header { return a.header }

// WriteHeader implements http.ResponseWriter.
func (a *answer) WriteHeader(status int) {
	if !a.started {
		a.status, a.started = status, true
	}
}

// Write implements http.ResponseWriter.
func (a *answer) Write(p []byte) (int, error) {
	a.started = true
	return a.body.Write(p)
}

// response is the answer as the client sees it. A broken one ends in an unexpected EOF.
func (a *answer) response(r *http.Request, broken bool) *http.Response {
	body, length := io.Reader(&a.body), int64(a.body.Len())
	switch {
	case a.stream != nil:
		body, length = a.stream, -1
	case broken:
		body, length = io.MultiReader(&a.body, brokenPipe{}), -1
	}
	if r.Method == http.MethodHead {
		body = http.NoBody
	}
	return &http.Response{
		Status:     fmt.Sprintf("%d %s", a.status, http.StatusText(a.status)),
		StatusCode: a.status,
		Proto:      "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:        a.header,
		Body:          io.NopCloser(body),
		ContentLength: length,
		Request:       r,
	}
}

type brokenPipe struct{}

func (brokenPipe) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// unwrapAnswer finds the in-process answer below a chain of writers.
func unwrapAnswer(w http.ResponseWriter) (*answer, bool) {
	for {
		switch inner := w.(type) {
		case *answer:
			return inner, true
		case interface{ Unwrap() http.ResponseWriter }:
			w = inner.Unwrap()
		default:
			return nil, false
		}
	}
}
