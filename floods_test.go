package fibermsal_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/internal/figure"
	"github.com/fibermsal/fibermsal/internal/redistest"
)

// onSocket puts a site on a socket and returns its address.
func (s *site) onSocket() string {
	s.t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.t.Fatal(err)
	}
	go listen(s.app, listener)
	return listener.Addr().String()
}

// rawClient sends prepared requests on one connection. It allocates almost no memory, so that growth
// can be attributed to the server.
type rawClient struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
}

func dialRaw(t *testing.T, addr string) *rawClient {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &rawClient{t, conn, bufio.NewReaderSize(conn, 32<<10)}
}

// send returns the status of the answer, or 0 if the connection ended.
func (c *rawClient) send(raw []byte) (status int) {
	_ = c.conn.SetDeadline(time.Now().Add(30 * time.Second))
	if _, err := c.conn.Write(raw); err != nil {
		return 0
	}
	length := 0
	for first := true; ; first = false {
		line, err := c.in.ReadSlice('\n')
		if err != nil {
			return 0
		}
		text := strings.TrimSpace(string(line))
		if first {
			_, _ = fmt.Sscanf(text, "HTTP/1.1 %d", &status)
		}
		if value, ok := strings.CutPrefix(text, "Content-Length: "); ok {
			_, _ = fmt.Sscan(value, &length)
		}
		if text == "" {
			break
		}
	}
	if bytes.HasPrefix(raw, []byte("HEAD ")) {
		return status
	}
	if _, err := io.CopyN(io.Discard, c.in, int64(length)); err != nil {
		return 0
	}
	return status
}

// rawRequest returns a request in its wire format.
func rawRequest(method, path, body string, header ...string) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: app.example\r\n", method, path)
	for i := 0; i < len(header); i += 2 {
		fmt.Fprintf(&b, "%s: %s\r\n", header[i], header[i+1])
	}
	if method != http.MethodGet {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(body))
	}
	return []byte(b.String() + "\r\n" + body)
}

const formType = "application/x-www-form-urlencoded"

// 100,000 visitors who begin a sign-in, and as many forged responses of Entra, leave nothing in memory.
//
// The test is not parallel, because the memory of other tests would be measured.
func TestG26_FloodsLeaveNothing(t *testing.T) {
	server, idp := redistest.Start(t), newRegistration(t)
	s := newSite(t, idp, on(t, server), func(cfg *fibermsal.Config) { cfg.Logger = slog.New(slog.DiscardHandler) })
	addr := s.onSocket()
	b := s.browser()
	authorize := b.start("")
	var own string // a cookie of a sign-in that has begun
	for name, c := range b.Jar {
		own = name + "=" + c.Value
	}
	if _, err := idp.SignIn(authorize, adele); err != nil {
		t.Fatal(err)
	}
	made := strings.Repeat("A", 43)
	junk := [][]byte{
		rawRequest("POST", "/user/authorized", "code=x&state="+made, "Content-Type", formType),
		rawRequest("POST", "/user/authorized", "code=x&state="+made, "Content-Type", formType, "Cookie", own),
		rawRequest("POST", "/user/authorized", "error=access_denied&state="+made, "Content-Type", formType),
		rawRequest("POST", "/user/authorized", "code=x", "Content-Type", formType, "Cookie", own),
		rawRequest("POST", "/user/authorized", strings.Repeat("x", 1000), "Content-Type", formType, "Cookie", strings.Replace(own, "=", "=A", 1)),
	}
	login := rawRequest("GET", "/user/login?to=/a", "")
	flood := func(n int) {
		var wait sync.WaitGroup
		for i := range 4 {
			wait.Go(func() {
				c := dialRaw(t, addr)
				for j := range n / 4 {
					if status := c.send(login); status != http.StatusSeeOther {
						t.Errorf("login: status %d", status)
						return
					}
					if status := c.send(junk[(i+j)%len(junk)]); status != http.StatusBadRequest {
						t.Errorf("junk %d: status %d", (i+j)%len(junk), status)
						return
					}
				}
			})
		}
		wait.Wait()
	}
	flood(2000) // pools and buffers have their size
	calls, keys := len(idp.Requests()), len(server.Keys())
	before, began := resident(t), time.Now()
	n := repeats(100_000)
	flood(n)
	took := time.Since(began)
	grown := resident(t) - before
	t.Logf("%d requests in %v, %.0f/s; %d kB more memory", 2*n, took.Round(time.Millisecond), float64(2*n)/took.Seconds(), grown>>10)
	if grown > 10<<20 {
		t.Errorf("%d bytes of memory more", grown)
	}
	reportFlood(t, 2*n, took, grown, len(server.Keys()), len(idp.Requests())-calls)
	if now := len(server.Keys()); now != 0 || keys != 0 {
		t.Errorf("%d keys in Redis: %v", now, server.Keys())
	}
	if used := commands(t, server); used != 0 {
		t.Errorf("%d commands sent to Redis", used)
	}
	if now := len(idp.Requests()); now != calls || idp.Count(entratest.Token) != 0 {
		t.Errorf("%d calls to Entra, %d of them for tokens", now-calls, idp.Count(entratest.Token))
	}
}

func reportFlood(t *testing.T, requests int, took time.Duration, grown int64, keys, calls int) {
	t.Helper()
	figure.Report(t, figure.Figure{Row: "R15", Name: "keys in Redis after a flood of visitors", Value: strconv.Itoa(keys)})
	figure.Report(t, figure.Figure{Row: "R15", Name: "calls to Entra", Value: strconv.Itoa(calls)})
	figure.Report(t, figure.Figure{Row: "R15", Name: "memory that stays", Value: fmt.Sprintf("%.1f MB", float64(max(0, grown))/(1<<20))})
	figure.Report(t, figure.Figure{Row: "R15", Name: "requests answered", Value: fmt.Sprintf("%d, %.0f a second", requests, float64(requests)/took.Seconds())})
}

// Codes that Entra refuses leave nothing in Redis, which visitors could fill otherwise.
func TestG26_RefusedCodesLeaveNoKeys(t *testing.T) {
	t.Parallel()
	server, idp := redistest.Start(t), newRegistration(t)
	s := newSite(t, idp, on(t, server))
	for range 300 {
		b := s.browser()
		b.Send(callback("code=1.x&state=" + state(t, b.start(""))))
	}
	if keys := server.Keys(); len(keys) != 0 {
		t.Errorf("%d keys: %v", len(keys), keys[:min(5, len(keys))])
	}
	if used := commands(t, server); used != 0 {
		t.Errorf("%d commands sent to Redis", used)
	}
}

// resident returns the memory of the process after garbage has been returned to the system. The race
// detector uses much additional memory, so with it the heap is measured instead.
func resident(t *testing.T) int64 {
	t.Helper()
	for range 3 {
		debug.FreeOSMemory()
	}
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil || withRaceDetector() {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	var size, pages int64
	if _, err := fmt.Sscan(string(statm), &size, &pages); err != nil {
		t.Fatal(err)
	}
	return pages * int64(os.Getpagesize())
}

func withRaceDetector() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}
