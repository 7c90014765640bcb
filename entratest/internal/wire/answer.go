// Package wire transports requests to the emulator without sockets, and marks requests that were not
// encrypted.
package wire

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
)

// Answer is a response under construction. It implements [http.ResponseWriter].
type Answer struct {
	Status int
	Body   bytes.Buffer
	Stream io.Reader // takes precedence over Body

	header  http.Header
	started bool
}

// NewAnswer returns an empty answer.
func NewAnswer() *Answer { return &Answer{header: http.Header{}, Status: http.StatusOK} }

// Header implements http.ResponseWriter.
func (a *Answer) Header() http.Header { return a.header }

// WriteHeader implements http.ResponseWriter.
func (a *Answer) WriteHeader(status int) {
	if !a.started {
		a.Status, a.started = status, true
	}
}

// Write implements http.ResponseWriter.
func (a *Answer) Write(p []byte) (int, error) {
	a.started = true
	return a.Body.Write(p)
}

// response returns the answer as the client receives it. A broken one ends with an unexpected EOF.
func (a *Answer) response(r *http.Request, broken bool) *http.Response {
	body, length := io.Reader(&a.Body), int64(a.Body.Len())
	switch {
	case a.Stream != nil:
		body, length = a.Stream, -1
	case broken:
		body, length = io.MultiReader(&a.Body, brokenPipe{}), -1
	}
	if r.Method == http.MethodHead {
		body = http.NoBody
	}
	return &http.Response{
		Status:     fmt.Sprintf("%d %s", a.Status, http.StatusText(a.Status)),
		StatusCode: a.Status,
		Proto:      "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:        a.header,
		Body:          io.NopCloser(body),
		ContentLength: length,
		Request:       r,
	}
}

type brokenPipe struct{}

func (brokenPipe) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// Unwrap returns the answer at the end of a chain of writers, if there is one.
func Unwrap(w http.ResponseWriter) (*Answer, bool) {
	for {
		switch inner := w.(type) {
		case *Answer:
			return inner, true
		case interface{ Unwrap() http.ResponseWriter }:
			w = inner.Unwrap()
		default:
			return nil, false
		}
	}
}
