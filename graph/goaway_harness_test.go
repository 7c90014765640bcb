package graph_test

import (
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
)

// drainingServer is an HTTP/2 server that answers one request on its first connection and then
// drains that as a load balancer does: it refuses the next request there by GOAWAY with the ID of
// the last stream that it served (RFC 9113 section 6.8). Later connections work. net/http's server
// does not refuse a request in a way that a test can predict.
type drainingServer struct {
	url    string
	client *http.Client

	mu     sync.Mutex
	bodies []string // of the requests that were answered
}

const (
	frameData     = 0x0
	frameHeaders  = 0x1
	frameSettings = 0x4
	frameGoAway   = 0x7
	flagEnd       = 0x1 // END_STREAM, or ACK of settings
	flagHeaders   = 0x4 // END_HEADERS
)

func newDrainingServer(t *testing.T) *drainingServer {
	t.Helper()
	certified := httptest.NewTLSServer(http.NotFoundHandler()) // for its certificate
	t.Cleanup(certified.Close)
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: certified.TLS.Certificates, NextProtos: []string{"h2"}})
	if err != nil {
		t.Fatal(err)
	}
	transport := certified.Client().Transport.(*http.Transport).Clone()
	transport.ForceAttemptHTTP2 = true
	s := &drainingServer{url: "https://" + listener.Addr().String() + "/v1.0", client: &http.Client{Transport: transport}}
	var connections sync.WaitGroup
	t.Cleanup(func() {
		_ = listener.Close()
		transport.CloseIdleConnections()
	})
	go func() {
		for first := true; ; first = false {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			connections.Go(func() { s.serve(conn, first) })
		}
	}()
	return s
}

// serve serves a connection, to its end or until it is drained.
func (s *drainingServer) serve(conn net.Conn, drains bool) {
	defer func() { _ = conn.Close() }()
	preface := make([]byte, len("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))
	if _, err := io.ReadFull(conn, preface); err != nil {
		return
	}
	writeFrame(conn, frameSettings, 0, 0, nil)
	served, body := uint32(0), map[uint32]string{}
	for {
		kind, flags, stream, payload, err := readFrame(conn)
		if err != nil {
			return
		}
		switch {
		case kind == frameSettings && flags&flagEnd == 0:
			writeFrame(conn, frameSettings, flagEnd, 0, nil)
		case kind == frameHeaders && drains && served > 0:
			writeFrame(conn, frameGoAway, 0, 0, binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, served), 0))
			_, _ = io.Copy(io.Discard, conn) // until the client closes it
			return
		case kind == frameData:
			body[stream] += string(payload)
		}
		if (kind == frameHeaders || kind == frameData) && flags&flagEnd != 0 {
			served = stream
			s.answer(conn, stream, body[stream])
		}
	}
}

func (s *drainingServer) answer(conn net.Conn, stream uint32, body string) {
	s.mu.Lock()
	s.bodies = append(s.bodies, body)
	s.mu.Unlock()
	// :status 200, and content-type (31 of the static table of RFC 7541) as a literal
	header := append([]byte{0x88, 0x0f, 31 - 15, byte(len("application/json"))}, "application/json"...)
	writeFrame(conn, frameHeaders, flagHeaders, stream, header)
	writeFrame(conn, frameData, flagEnd, stream, []byte(`{"value":["member"]}`))
}

func (s *drainingServer) answered() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bodies
}

func writeFrame(w io.Writer, kind, flags byte, stream uint32, payload []byte) {
	frame := []byte{byte(len(payload) >> 16), byte(len(payload) >> 8), byte(len(payload)), kind, flags}
	frame = binary.BigEndian.AppendUint32(frame, stream)
	_, _ = w.Write(append(frame, payload...))
}

func readFrame(r io.Reader) (kind, flags byte, stream uint32, payload []byte, err error) {
	var head [9]byte
	if _, err = io.ReadFull(r, head[:]); err != nil {
		return 0, 0, 0, nil, err
	}
	payload = make([]byte, int(head[0])<<16|int(head[1])<<8|int(head[2]))
	_, err = io.ReadFull(r, payload)
	return head[3], head[4], binary.BigEndian.Uint32(head[5:]), payload, err
}
