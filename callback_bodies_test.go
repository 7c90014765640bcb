package fibermsal_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/internal/figure"
)

// Responses of Entra have one format. Any other request to the callback is refused and uses no memory.
// The test is not parallel, because the memory of other tests would be measured.
func TestA12_OddRequestsToTheCallbackCostNoMemory(t *testing.T) {
	s := newSite(t, newIDP(t), discardLog)
	addr := s.onSocket()
	state := strings.Repeat("A", 43)
	body := "code=x&state=" + state
	post := func(body string, header ...string) []byte {
		return rawRequest("POST", "/user/authorized", body, append([]string{"Content-Type", formType}, header...)...)
	}
	typed := func(contentType string) []byte {
		return rawRequest("POST", "/user/authorized", body, "Content-Type", contentType)
	}
	chunked := func(size, n int) []byte {
		head := "POST /user/authorized HTTP/1.1\r\nHost: app.example\r\nContent-Type: " + formType + "\r\nTransfer-Encoding: chunked\r\n\r\n"
		return []byte(head + strings.Repeat(fmt.Sprintf("%x\r\n%s\r\n", size, strings.Repeat("x", size)), n) + "0\r\n\r\n")
	}
	rows := map[string]struct {
		request []byte
		allowed []int
	}{
		"GET":                         {rawRequest("GET", "/user/authorized?"+body, ""), []int{405}},
		"HEAD":                        {rawRequest("HEAD", "/user/authorized", ""), []int{405}},
		"PUT":                         {rawRequest("PUT", "/user/authorized", body, "Content-Type", formType), []int{405}},
		"PATCH":                       {rawRequest("PATCH", "/user/authorized", body, "Content-Type", formType), []int{405}},
		"DELETE":                      {rawRequest("DELETE", "/user/authorized", "", "Content-Type", formType), []int{405}},
		"OPTIONS":                     {rawRequest("OPTIONS", "/user/authorized", ""), []int{405}},
		"TRACE":                       {rawRequest("TRACE", "/user/authorized", ""), []int{405}},
		"JSON":                        {typed("application/json"), []int{415}},
		"multipart":                   {rawRequest("POST", "/user/authorized", "--x\r\nContent-Disposition: form-data; name=\"code\"\r\n\r\nx\r\n--x--\r\n", "Content-Type", "multipart/form-data; boundary=x"), []int{415}},
		"a form that is no multipart": {typed("multipart/form-data; boundary=x"), []int{400, 415}}, // which fasthttp refuses
		"multipart without bounds":    {typed("multipart/form-data"), []int{415}},
		"XML":                         {typed("text/xml"), []int{415}},
		"text":                        {typed("text/plain"), []int{415}},
		"a broken type":               {typed(";;;"), []int{415}},
		"an empty type":               {typed(""), []int{415}},
		"gzip":                        {post(body, "Content-Encoding", "gzip"), []int{415}},
		"gzip in capitals":            {post(body, "Content-Encoding", "GZIP"), []int{415}},
		"gzip twice":                  {post(body, "Content-Encoding", "gzip, gzip"), []int{415}},
		"deflate":                     {post(body, "Content-Encoding", "deflate"), []int{415}},
		"brotli":                      {post(body, "Content-Encoding", "br"), []int{415}},
		"an unknown encoding":         {post(body, "Content-Encoding", "x"), []int{415}},
		"16 kB":                       {post(body + "&x=" + strings.Repeat("x", 16<<10-len(body)-3)), []int{400}},
		"16 kB and one":               {post(body + "&x=" + strings.Repeat("x", 16<<10-len(body)-2)), []int{413}},
		"3 MB":                        {post(strings.Repeat("x", 3<<20)), []int{413}},
		"more than Fiber takes":       {post(strings.Repeat("x", 5<<20)), []int{413, 0}},
		"10,000 parameters":           {post(strings.Repeat("a&", 8000)), []int{400}},
		"10,000 named parameters":     {post(strings.Repeat("a=1&", 4000)), []int{400}},
		"NUL in the state":            {post("code=x&state=%00" + state[1:]), []int{400}},
		"NUL as it is":                {post("code=x&state=\x00" + state[1:]), []int{400}},
		"invalid UTF-8":               {post("code=x&state=%ff" + state[1:]), []int{400}},
		"invalid UTF-8 as it is":      {post("code=x&state=\xff" + state[1:]), []int{400}},
		"a bad escape":                {post("code=%zz&state=" + state), []int{400}},
		"an empty body":               {post(""), []int{400}},
		"a few large chunks":          {chunked(1<<20, 3), []int{413}},
		"many small chunks":           {chunked(1, 20_000), []int{413, 400}},
		"too large in chunks":         {chunked(1<<20, 5), []int{413, 400, 0}},
		"chunks that never end":       {chunked(16, 100)[:1500], []int{0}},
	}
	rounds := repeats(100)
	run := func(n int) {
		for range n {
			for name, row := range rows {
				c := dialRaw(t, addr)
				if name == "chunks that never end" {
					_, _ = c.conn.Write(row.request)
				} else if status := c.send(row.request); !slices.Contains(row.allowed, status) {
					t.Errorf("%s: status %d, want %v", name, status, row.allowed)
				}
				_ = c.conn.Close()
			}
		}
	}
	run(5) // buffers have their size
	before := resident(t)
	run(rounds)
	grown := resident(t) - before
	t.Logf("%d requests; %d kB more memory", rounds*len(rows), grown>>10)
	figure.Report(t, figure.Figure{Row: "A12", Name: "memory that odd requests keep", Value: fmt.Sprintf("%d kB of %d requests", max(0, grown)>>10, rounds*len(rows))})
	if grown > 8<<20 {
		t.Errorf("%d bytes of memory more", grown)
	}
	if calls := len(s.idp.Requests()); calls > 2 {
		t.Errorf("%d calls to Entra", calls)
	}
}

func discardLog(cfg *fibermsal.Config) { cfg.Logger = slog.New(slog.DiscardHandler) }

// bomb is a megabyte that inflates to a gigabyte.
func bomb(t *testing.T) string {
	t.Helper()
	const part = 16 << 20
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	zeros := make([]byte, 1<<20)
	for range part / len(zeros) {
		_, _ = w.Write(zeros)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return strings.Repeat(b.String(), (1<<30)/part) // a gzip file may have many members
}

// Fiber decompresses a body if a handler requests it. No route of the library does, so a compressed
// body costs only its own size. The test is not parallel, because the memory of other tests would be
// measured.
func TestH3_BombsAreNotInflated(t *testing.T) {
	s := newSite(t, newIDP(t), discardLog)
	addr := s.onSocket()
	explosive := bomb(t)
	if size := len(explosive); size < 1_000_000 || size > 2_000_000 {
		t.Fatalf("the bomb has %d bytes", size)
	}
	b := s.browser()
	b.start("")
	var flow string
	for name, c := range b.Jar {
		flow = name + "=" + c.Value
	}
	for _, encoding := range []string{"gzip", "GZIP", "x-gzip", "gzip, gzip", "deflate", "br"} {
		for _, contentType := range []string{formType, "multipart/form-data; boundary=x", "application/json"} {
			for _, row := range []struct {
				method, path string
				allowed      []int
			}{
				{"POST", "/user/authorized", []int{415, 413}},
				{"POST", "/user/login", []int{405}},
				{"GET", "/user/login", []int{303}},
				{"POST", "/user/logout", []int{303, 403}}, // which has no use for a body
				{"POST", "/user/info", []int{405}},
				{"POST", "/user/frontchannel-logout", []int{405}},
				{"POST", "/guarded", []int{401}},
			} {
				request := rawRequest(row.method, row.path, explosive, "Content-Type", contentType, "Content-Encoding", encoding, "Cookie", flow)
				if row.method == http.MethodGet {
					request = bytes.Replace(request, []byte("\r\n\r\n"), fmt.Appendf(nil, "\r\nContent-Length: %d\r\n\r\n", len(explosive)), 1)
				}
				c := dialRaw(t, addr)
				var before, after runtime.MemStats
				runtime.GC()
				runtime.ReadMemStats(&before)
				status := c.send(request)
				runtime.ReadMemStats(&after)
				_ = c.conn.Close()
				name := fmt.Sprintf("%s %s, %s, %s", row.method, row.path, encoding, contentType)
				if !slices.Contains(row.allowed, status) {
					t.Errorf("%s: status %d, want %v", name, status, row.allowed)
				}
				if grown := after.TotalAlloc - before.TotalAlloc; grown > 4<<20 {
					t.Errorf("%s: %d bytes allocated", name, grown)
				}
			}
		}
	}
}
