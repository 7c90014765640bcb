package graph_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime/debug"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gofiber/fiber/v2"
	abstractions "github.com/microsoft/kiota-abstractions-go"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/graph"
)

// contentRequest is what the SDK's builders of a file's content send.
func contentRequest(options ...abstractions.RequestOption) *abstractions.RequestInformation {
	info := abstractions.NewRequestInformationWithMethodAndUrlTemplateAndPathParameters(
		abstractions.GET, "{+baseurl}/drives/{drive%2Did}/items/{driveItem%2Did}/content{?%24format*}", map[string]string{"drive%2Did": "d", "driveItem%2Did": "i"})
	info.Headers.TryAdd("Accept", "application/octet-stream, application/json")
	info.AddRequestOptions(options)
	return info
}

func download(ctx context.Context, adapter abstractions.RequestAdapter, options ...abstractions.RequestOption) ([]byte, error) {
	result, err := adapter.SendPrimitive(ctx, contentRequest(options...), "[]byte", odataMapping)
	content, _ := result.([]byte)
	return content, err
}

// storage is a host that serves files at URLs that authenticate themselves.
type storage struct {
	mu       sync.Mutex
	requests []*http.Request
	answer   http.HandlerFunc
}

func (s *storage) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	s.requests = append(s.requests, r)
	s.mu.Unlock()
	recorder := httptest.NewRecorder()
	s.answer(recorder, r)
	return recorder.Result(), nil
}

// downloadSite is a site whose Graph redirects downloads.
func downloadSite(t *testing.T, location string, answer http.HandlerFunc) (*browser, *storage) {
	t.Helper()
	store := &storage{answer: answer}
	s := newSite(t, nil)
	s.net.foreignTo = store
	s.entra.Fault(entratest.GraphOther, entratest.Fault{Status: http.StatusFound, Header: http.Header{"Location": {location}}})
	return s.signIn(t, adele), store
}

func TestDownloads_AreFollowedOnceWithoutTheToken(t *testing.T) {
	t.Parallel()
	const location = "https://contoso.sharepoint.com/_layouts/15/download.aspx?UniqueId=1&tempauth=secret"
	b, store := downloadSite(t, location, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "the file") })
	b.run(func(c *fiber.Ctx) error {
		content, err := download(c.UserContext(), graph.Adapter(c))
		if err != nil || string(content) != "the file" {
			t.Errorf("%q, %v: %v", content, err, errors.Unwrap(err))
		}
		var file bytes.Buffer
		ranged := contentRequest(graph.StreamTo(&file, 100))
		ranged.Headers.Add("Range", "bytes=0-7")
		if _, err := graph.Adapter(c).SendPrimitive(c.UserContext(), ranged, "[]byte", nil); err != nil || file.String() != "the file" {
			t.Errorf("%q, %v", file.String(), err)
		}
		return nil
	})
	if len(store.requests) != 2 {
		t.Fatalf("%d requests", len(store.requests))
	}
	for i, r := range store.requests {
		if r.URL.String() != location || r.Method != http.MethodGet || r.Header.Get("Authorization") != "" || r.Header.Get("Cookie") != "" {
			t.Errorf("%s %s %v", r.Method, r.URL, r.Header)
		}
		if want := []string{"", "bytes=0-7"}[i]; r.Header.Get("Range") != want {
			t.Errorf("Range %q", r.Header.Get("Range"))
		}
	}
}

func TestC8_DownloadsGoToPublicHTTPSHostsOnly(t *testing.T) {
	t.Parallel()
	for _, location := range []string{
		"http://contoso.sharepoint.com/file", "ftp://contoso.sharepoint.com/file", "//contoso.sharepoint.com/file", "/file", "file", "https:///file", "https:opaque",
		"https://user@contoso.sharepoint.com/file", "https://127.0.0.1/file", "https://127.0.0.1:8443/file", "https://[::1]/file", "https://10.0.0.1/file",
		"https://192.168.1.1/", "https://172.16.0.1/", "https://169.254.169.254/latest/meta-data", "https://100.64.0.1/", "https://0.0.0.0/", "https://[fd00::1]/",
		"https://[fe80::1%25eth0]/", "https://[::ffff:10.0.0.1]/", "https://localhost/", "https://LOCALHOST./", "https://db.internal/", "https://printer.local/",
		"https://redis/", "https://2130706433/", "https://0x7f.0.0.1/", "https://0x7f000001/", "https://127.1/", "https://0177.0.0.1/", "https://224.0.0.1/", "https://%zz/", "javascript:alert(1)",
		"https://db.ｃｏｒｐ/", "https://db.%ef%bd%83%ef%bd%8f%ef%bd%92%ef%bd%90/", "https://db。corp/", "https://１０.0.0.1/", "https://10。0。0。1/",
		"https://[64:ff9b::a00:1]/", "https://[2002:a00:1::]/", "https://[::10.0.0.1]/", "https://[fec0::1]/", "https://192.0.0.1/", "https://198.18.0.1/", "https://240.0.0.1/", "https://0.0.0.1/",
	} {
		t.Run(location, func(t *testing.T) {
			t.Parallel()
			b, store := downloadSite(t, location, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "secret") })
			err := b.failure(func(c *fiber.Ctx) error { return errOf(download(c.UserContext(), graph.Adapter(c))) })
			if e := asError(t, err); !errors.Is(err, graph.ErrForeignURL) && !errors.Is(err, graph.ErrBadAnswer) || strings.Contains(e.LogValue().String(), "meta-data") {
				t.Errorf("got %v", e.LogValue())
			}
			if len(store.requests) != 0 {
				t.Errorf("%d requests", len(store.requests))
			}
		})
	}
}

func TestDownloads_AnswersOfTheStorageAreNotThoseOfGraph(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		answer http.HandlerFunc
		kind   error
		status int
	}{
		"another redirect": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "https://contoso.sharepoint.com/other")
			w.WriteHeader(302)
		}, graph.ErrBadAnswer, 502},
		"401 with claims": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("WWW-Authenticate", `Bearer error="insufficient_claims", claims="eyJhY2Nlc3NfdG9rZW4iOnt9fQ=="`)
			answerJSON(w, 401, `{}`)
		}, graph.ErrAccessDenied, 403},
		"403":       {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(403) }, graph.ErrAccessDenied, 403},
		"404":       {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) }, graph.ErrNotFound, 404},
		"500":       {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }, graph.ErrFailed, 500},
		"too large": {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 9<<20)) }, graph.ErrBadAnswer, 502},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, store := downloadSite(t, "https://contoso.sharepoint.com/file?tempauth=preauthenticated", row.answer)
			tokens := b.site.entra.Count(entratest.Token)
			err := b.failure(func(c *fiber.Ctx) error { return errOf(download(c.UserContext(), graph.Adapter(c))) })
			if e := asError(t, err); !errors.Is(err, row.kind) || e.Status != row.status || strings.Contains(e.LogValue().String(), "preauth") {
				t.Errorf("got %v", e.LogValue())
			}
			if len(store.requests) != 1 || b.site.entra.Count(entratest.Token) != tokens {
				t.Errorf("%d requests", len(store.requests))
			}
		})
	}
}

func TestStreams_HaveALimitAndEndWithTheirWriter(t *testing.T) {
	t.Parallel()
	g := newRecorder(t, func(_ int, w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/missing"):
			answerJSON(w, 404, `{"error":{"code":"itemNotFound","message":"m"}}`)
		case strings.HasSuffix(r.URL.Path, "/broken"):
			w.Header().Set("Content-Length", "1000")
			_, _ = w.Write(make([]byte, 100))
		default:
			_, _ = io.CopyN(w, zeros{}, 10<<20)
		}
	})
	stream := func(path string, w io.Writer, limit int64) error {
		return graph.Call(t.Context(), graph.AdapterFor(g.credential()), http.MethodGet, path, nil, nil, graph.StreamTo(w, limit))
	}
	var got counter
	if err := stream("/file", &got, 10<<20); err != nil || got != 10<<20 {
		t.Errorf("%v after %d bytes", err, got)
	}
	if err := stream("/file", io.Discard, math.MaxInt64); err != nil {
		t.Errorf("without a limit: %v", err)
	}
	if err := stream("/file", io.Discard, 10<<20-1); !errors.Is(err, graph.ErrBadAnswer) {
		t.Errorf("beyond the limit: %v", err)
	}
	if err := stream("/broken", io.Discard, 1<<20); !errors.Is(err, fibermsal.ErrUnavailable) {
		t.Errorf("incomplete: %v", err)
	}
	if err := stream("/file", failingWriter{}, 10<<20); !errors.Is(err, io.ErrClosedPipe) || asError(t, err).Status != 502 {
		t.Errorf("the writer failed: %v", err)
	}
	got = 0
	checkKept(t, stream("/missing", &got, 10<<20), graph.ErrNotFound, 404, "itemNotFound")
	if got != 0 {
		t.Errorf("an error was written to the file")
	}
	if err := graph.Call(t.Context(), graph.AdapterFor(g.credential()), http.MethodGet, "/file", nil, new([]byte)); !errors.Is(err, graph.ErrBadAnswer) {
		t.Errorf("10 MB without a stream: %v", err)
	}
}

// A download takes as long as it takes, but must not stall.
func TestStreams_EndIfNothingArrives(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		pause    time.Duration
		deadline time.Duration
		fails    bool
		took     time.Duration
	}{
		"slow but steady": {10 * time.Second, 0, false, 100 * time.Second},
		"stalled":         {20 * time.Second, 0, true, 15 * time.Second},
		"a deadline":      {10 * time.Second, 35 * time.Second, true, 35 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				entra := entratest.New()
				entra.Fault(entratest.GraphMe, entratest.Fault{BodyFrom: func() io.Reader { return &slowly{pause: row.pause, left: 10} }})
				ctx := t.Context()
				if row.deadline > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, row.deadline)
					defer cancel()
				}
				start := time.Now()
				adapter := graph.AdapterFor(fixedCredential{entra, entra.Issue(adele), entra.HTTPClient})
				err := graph.Call(ctx, adapter, http.MethodGet, "/me", nil, nil, graph.StreamTo(io.Discard, 100))
				if took := time.Since(start); (err != nil) != row.fails || took < row.took || took > row.took+row.pause {
					t.Errorf("%v after %v", err, took)
				}
				if row.fails && !errors.Is(err, fibermsal.ErrUnavailable) {
					t.Errorf("got %v", err)
				}
			})
		})
	}
}

// Not parallel, because it measures the memory of the process.
func TestStreams_AGigabyteNeedsLittleMemory(t *testing.T) {
	const size, most = 1 << 30, memoryFactor * 32 << 20
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/v1.0/") {
			http.Redirect(w, r, "https://"+r.Host+"/content", http.StatusFound)
			return
		}
		_, _ = io.CopyN(w, zeros{}, size)
	}))
	defer server.Close()
	adapter := graph.AdapterFor(urlCredential{server.URL + "/v1.0", server.Client()})
	debug.FreeOSMemory()
	before := residentMemory(t)
	file := &measuringWriter{t: t}
	start := time.Now()
	if _, err := download(t.Context(), adapter, graph.StreamTo(file, size)); err != nil {
		t.Fatalf("%v: %v", err, errors.Unwrap(err))
	}
	grown := file.most - before
	t.Logf("%d bytes in %v; the process had %d kB and grew by %d kB", file.n, time.Since(start), before>>10, grown>>10)
	if file.n != size || grown > most {
		t.Errorf("%d bytes, and the process grew by %d kB", file.n, grown>>10)
	}
}

// residentMemory returns the memory of the process. Where the system has no /proc, it is 0.
func residentMemory(t *testing.T) int64 {
	t.Helper()
	var total, resident int64
	content, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	if _, err := fmt.Sscan(string(content), &total, &resident); err != nil {
		t.Fatal(err)
	}
	return resident * int64(os.Getpagesize())
}

// measuringWriter counts bytes, and measures the memory of the process at every 16 MB.
type measuringWriter struct {
	t             *testing.T
	n, next, most int64
}

func (w *measuringWriter) Write(p []byte) (int, error) {
	w.n += int64(len(p))
	if w.n >= w.next {
		w.next += 16 << 20
		w.most = max(w.most, residentMemory(w.t))
	}
	return len(p), nil
}

type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// slowly is a body of some bytes, one after each pause.
type slowly struct {
	pause time.Duration
	left  int
}

func (s *slowly) Read(p []byte) (int, error) {
	if s.left == 0 {
		return 0, io.EOF
	}
	s.left--
	time.Sleep(s.pause)
	p[0] = 'x'
	return 1, nil
}
