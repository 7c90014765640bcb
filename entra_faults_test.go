package fibermsal_test

import (
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fibermsal/fibermsal/entratest"
)

// entraFaults are the ways in which an endpoint of Entra fails.
var entraFaults = map[string]entratest.Fault{
	"slow":              {Delay: time.Minute},
	"500":               {Status: 500, Body: `{"error":"server_error"}`},
	"502 with a page":   {Status: 502, Body: "<html><body>Bad Gateway</body></html>"},
	"503":               {Status: 503, Header: http.Header{"Retry-After": {"30"}}, Body: "busy"},
	"429":               {Status: 429, Header: http.Header{"Retry-After": {"30"}}, Body: "slow down"},
	"garbage":           {Body: "\x00\x01\xfe\xff"},
	"a page":            {Body: "<html><body>Sign in to the hotel's network</body></html>"},
	"nothing":           {Status: 200, Body: " "},
	"JSON of no object": {Body: "[]"},
	"JSON of no answer": {Body: "{}"},
	"truncated":         {Truncate: 100},
	"1 GiB":             {BodyFrom: func() io.Reader { return io.LimitReader(zeros{}, 1<<30) }},
	"dropped":           {Drop: true},
	"lost":              {LoseAnswer: true},
	"a redirect":        {Status: 307, Header: http.Header{"Location": {"https://login.entra.test/elsewhere"}}},
	"a type that lies":  {Header: http.Header{"Content-Encoding": {"gzip"}}, Body: "not gzip"},
}

// allocated is how much memory has been allocated so far.
func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

// For every fault of Entra, a sign-in ends within its time limit with a page that asks the user to try
// again. The code is not sent twice, and no data of the sign-in remains.
//
// Not parallel: allocations are counted.
func TestG8_EveryFaultOfEntraAtASignIn(t *testing.T) {
	for endpoint, name := range map[entratest.Endpoint]string{
		entratest.Token: "token endpoint", entratest.Discovery: "configuration", entratest.Keys: "keys",
	} {
		for fault, f := range entraFaults {
			t.Run(name+"/"+fault, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					l := newLedger()
					s := newSite(t, newIDP(t), onLedger(l))
					b := s.browser()
					var response *entratest.Response
					if endpoint != entratest.Discovery {
						response = b.approve(b.start(""), adele)
					}
					s.idp.Fault(endpoint, f)
					before, began := allocated(), time.Now()
					a := b.Get("/user/login")
					if response != nil {
						a = b.Send(response.Request())
					}
					if a.StatusCode != http.StatusServiceUnavailable || a.Header.Get("Retry-After") == "" {
						t.Errorf("status %d, Retry-After %q\n%s", a.StatusCode, a.Header.Get("Retry-After"), b.log)
					}
					if took := time.Since(began); took > 11*time.Second {
						t.Errorf("took %v", took)
					}
					if used := allocated() - before; used > 16<<20 {
						t.Errorf("%d MB allocated", used>>20)
					}
					if strings.Contains(b.log.String(), "panic") {
						t.Errorf("a panic: %s", b.log)
					}
					if s.idp.Count(entratest.Other) != 0 {
						t.Error("a redirect was followed")
					}
					s.idp.ClearFaults()
					time.Sleep(31 * time.Second) // what Entra may ask for
					if response != nil {
						if again := b.Send(response.Request()); again.Cookie(sessionCookie) != nil {
							t.Error("the response was good a second time")
						}
						if n := s.idp.Count(entratest.Token); n != 1 {
							t.Errorf("the code was sent %d times", n)
						}
					}
					if b.session() != "" || l.key("s") != "" || l.key("t") != "" {
						t.Errorf("a session of a sign-in that failed: %v", l.keys())
					}
					b.signIn(adele)
				})
			})
		}
	}
}

// A body that stops in the middle is treated like a missing one. The test needs real time, because the
// timeout needs a real connection.
func TestG8_AnAnswerThatStopsEndsInTime(t *testing.T) {
	t.Parallel()
	s := newSocketSite(t, nil)
	b := s.browser()
	response := b.approve(b.start(""), adele).Request()
	stop := make(chan struct{})
	t.Cleanup(func() { close(stop) })
	s.idp.Fault(entratest.Token, entratest.Fault{BodyFrom: func() io.Reader {
		return io.MultiReader(strings.NewReader(`{"token_type":"Bearer",`), stopped(stop))
	}})
	began := time.Now()
	a := b.Send(response)
	if took := time.Since(began); !isUnavailable(a) || took > 11*time.Second {
		t.Errorf("status %d after %v", a.StatusCode, took)
	}
	s.idp.ClearFaults()
	s.browser().signIn(adele)
}

// stopped is a reader that blocks until it is closed.
type stopped chan struct{}

func (s stopped) Read([]byte) (int, error) { <-s; return 0, io.EOF }
