package graph_test

import (
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/graph"
	"github.com/fibermsal/fibermsal/internal/browsertest"
)

func TestC9_OnlyPicturesAreServed(t *testing.T) {
	t.Parallel()
	jpegHeader := http.Header{"Content-Type": {"image/jpeg"}}
	endless := func() io.Reader { return io.MultiReader(strings.NewReader("\xff\xd8\xff\xe0"), endlessBody{}) }
	for name, tt := range map[string]struct {
		fault  entratest.Fault
		status int
	}{
		"HTML":              {entratest.Fault{Body: "<script>alert(1)</script>"}, 502},
		"HTML called JPEG":  {entratest.Fault{Body: "<html><script>alert(1)</script>", Header: jpegHeader}, 502},
		"SVG called JPEG":   {entratest.Fault{Body: `<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`, Header: jpegHeader}, 502},
		"SVG":               {entratest.Fault{Body: `<?xml version="1.0"?><svg/>`, Header: http.Header{"Content-Type": {"image/svg+xml"}}}, 502},
		"JSON":              {entratest.Fault{Body: `{"id":"x"}`}, 502},
		"BMP":               {entratest.Fault{Body: "BM\x00\x00\x00\x00", Header: jpegHeader}, 502},
		"PDF":               {entratest.Fault{Body: "%PDF-1.7", Header: jpegHeader}, 502},
		"too big":           {entratest.Fault{BodyFrom: endless, Header: jpegHeader}, 502},
		"big by its header": {entratest.Fault{Body: "\xff\xd8\xff" + strings.Repeat("a", 4<<20), Header: jpegHeader}, 502},
		"304":               {entratest.Fault{Status: 304}, 502},
		"redirect":          {entratest.Fault{Status: 302, Header: http.Header{"Location": {"https://evil.example/x.jpg"}}}, 502},
		"500 HTML":          {entratest.Fault{Status: 500, Body: "<html>"}, 500},
		"cut off":           {entratest.Fault{Truncate: 100}, 503},
		"timed out":         {entratest.Fault{Status: 408, Body: `{}`}, 408},
		"busy":              {entratest.Fault{Status: 429, Header: http.Header{"Retry-After": {"60"}}}, 429},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, nil)
			b := s.signIn(t, adele)
			tt.fault.Header = with(tt.fault.Header, "Set-Cookie", "evil=1")
			s.entra.Fault(entratest.GraphPhoto, tt.fault)
			problem := b.run(func(c *fiber.Ctx) error { return errOf(graph.Photo(c)) })
			if problem.StatusCode != tt.status || !strings.HasPrefix(problem.Header.Get("Content-Type"), "application/problem+json") {
				t.Errorf("Photo: got %d %s: %.100s", problem.StatusCode, problem.Header.Get("Content-Type"), problem.Text)
			}
			checkNoGraphHeaders(t, problem)
			got := b.Get("/user/photo") // an image of a page, which must not be broken
			checkHeaders(t, got.Header, map[string]string{
				"Content-Type": "image/svg+xml", "X-Content-Type-Options": "nosniff", "Content-Security-Policy": photoCSP, "ETag": "",
			})
			if got.StatusCode != http.StatusOK || !strings.Contains(got.Text, ">AV</text>") || strings.Contains(got.Text, "<script") {
				t.Errorf("got %d: %.100s", got.StatusCode, got.Text)
			}
			if !strings.Contains(s.log.String(), "the photo of a user cannot be loaded") {
				t.Errorf("the log does not say why:\n%s", s.log)
			}
			checkNoGraphHeaders(t, got)
			if cache := got.Header.Get("Cache-Control"); !strings.Contains(cache, "no-store") {
				t.Errorf("Cache-Control is %q", cache)
			}
			if len(s.net.foreignURLs()) != 0 {
				t.Errorf("requests went to %v", s.net.foreignURLs())
			}
		})
	}
}

func TestC9_PicturesHaveTheTypeOfTheirBytesAndNoHeadersOfGraph(t *testing.T) {
	t.Parallel()
	for want, body := range map[string]string{
		"image/png":  "\x89PNG\x0D\x0A\x1A\x0A-",
		"image/gif":  "GIF89a-<script>",
		"image/webp": "RIFF\x00\x00\x00\x00WEBPVP8 ",
		"image/jpeg": "\xff\xd8\xff\xe0-",
	} {
		s := newSite(t, nil)
		b := s.signIn(t, adele)
		s.entra.Fault(entratest.GraphPhoto, entratest.Fault{Body: body, Header: http.Header{
			"Content-Type": {"text/html"}, "Set-Cookie": {"evil=1"}, "Etag": {`"graph"`}, "Content-Disposition": {"attachment"},
			"Access-Control-Allow-Origin": {"*"}, "Content-Encoding": {"br"},
		}})
		got := b.Get("/user/photo")
		if got.StatusCode != http.StatusOK || got.Header.Get("Content-Type") != want || got.Text != body {
			t.Errorf("%s: %d %s", want, got.StatusCode, got.Header.Get("Content-Type"))
		}
		checkNoGraphHeaders(t, got)
	}
}

func TestC9_APhotoOfOneBytePerSecondEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, nil)
		b := s.signIn(t, adele)
		s.entra.Fault(entratest.GraphPhoto, entratest.Fault{BodyFrom: func() io.Reader { return slowBody{} }})
		start := time.Now()
		problem := b.run(func(c *fiber.Ctx) error { return errOf(graph.Photo(c)) })
		if took := time.Since(start); problem.StatusCode != http.StatusServiceUnavailable || took > 16*time.Second {
			t.Errorf("Photo: got %d after %v", problem.StatusCode, took)
		}
		start = time.Now()
		got := b.Get("/user/photo")
		if took := time.Since(start); got.Header.Get("Content-Type") != "image/svg+xml" || took > 16*time.Second {
			t.Errorf("got %d %s after %v", got.StatusCode, got.Header.Get("Content-Type"), took)
		}
	})
}

// Not parallel, because it measures the memory of the process.
func TestC9_AHugePhotoCostsNoMemory(t *testing.T) {
	s := newSite(t, nil)
	b := s.signIn(t, adele)
	read := &countingBody{}
	s.entra.Fault(entratest.GraphPhoto, entratest.Fault{BodyFrom: func() io.Reader { return read }})
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	got := b.run(func(c *fiber.Ctx) error { return errOf(graph.Photo(c)) })
	runtime.GC()
	runtime.ReadMemStats(&after)
	if got.StatusCode != http.StatusBadGateway || read.n > 4<<20+1 {
		t.Errorf("got %d after reading %d bytes", got.StatusCode, read.n)
	}
	if kept := int64(after.HeapAlloc) - int64(before.HeapAlloc); kept > 8<<20 {
		t.Errorf("%d bytes are kept", kept)
	}
}

// checkNoGraphHeaders looks for headers that only Graph sends.
func checkNoGraphHeaders(t *testing.T, got *browsertest.Answer) {
	t.Helper()
	for _, name := range []string{"Request-Id", "Client-Request-Id", "X-Ms-Ags-Diagnostic", "Set-Cookie", "Content-Disposition", "Access-Control-Allow-Origin", "Strict-Transport-Security", "Content-Encoding"} {
		if value := got.Header.Get(name); value != "" {
			t.Errorf("%s: %s got out", name, value)
		}
	}
	if got.Header.Get("ETag") == `"graph"` {
		t.Error("Graph's ETag got out")
	}
}

func with(h http.Header, name, value string) http.Header {
	h = h.Clone()
	if h == nil {
		h = http.Header{}
	}
	h.Set(name, value)
	return h
}

// slowBody is a body of one byte per second.
type slowBody struct{}

func (slowBody) Read(p []byte) (int, error) {
	time.Sleep(time.Second)
	p[0] = 0xff
	return 1, nil
}

// countingBody is an endless body that counts the bytes that were read.
type countingBody struct{ n int }

func (c *countingBody) Read(p []byte) (int, error) {
	c.n += len(p)
	return len(p), nil
}
