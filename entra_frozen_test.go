package fibermsal_test

import (
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/internal/faultproxy"
	"github.com/fibermsal/fibermsal/internal/figure"
)

// socketSite is a site that reaches its emulator through sockets and a proxy.
type socketSite struct {
	*site
	proxy *faultproxy.Proxy
}

func newSocketSite(t *testing.T, options []entratest.Option, change ...func(*fibermsal.Config)) *socketSite {
	t.Helper()
	idp := newIDP(t, options...)
	if err := idp.Listen(entratest.ListenConfig{}); err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(idp.Authority)
	if err != nil {
		t.Fatal(err)
	}
	proxy := faultproxy.New(t, u.Host)
	s := newSite(t, idp, append([]func(*fibermsal.Config){func(cfg *fibermsal.Config) {
		cfg.HTTPClient = &http.Client{Transport: proxy.Transport(idp.CAPEM())}
	}}, change...)...)
	return &socketSite{site: s, proxy: proxy}
}

// Fifty calls a second are sent on one connection when it begins to pass nothing, silently. They fail
// within their limits. Requests five seconds later are served, despite the limit on calls and the
// cached failures.
func TestG8_AFrozenConnectionToEntraIsGivenUp(t *testing.T) {
	t.Parallel()
	for name, prepare := range storms {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const every, served, limit = 20 * time.Millisecond, 5 * time.Second, 10 * time.Second
			s := newSocketSite(t, []entratest.Option{entratest.WithAccessTokenLifetime(20 * time.Second)})
			calls := make([]func() *answer, (served+2*time.Second)/every)
			users := s.idp.Users() // more sessions of one would end the oldest
			for i := range calls {
				calls[i] = prepare(s.site, users[i%len(users)].UPN)
			}
			if proto := s.idp.Requests()[0].Proto; proto != "HTTP/2.0" {
				t.Fatalf("the emulator was asked by %s", proto)
			}
			s.proxy.FreezeExisting()
			frozen := time.Now()
			var wait sync.WaitGroup
			var failed atomic.Int32
			for _, call := range calls {
				wait.Go(func() {
					began := time.Now()
					a := call()
					if a.StatusCode >= http.StatusBadRequest {
						failed.Add(1)
						if !isUnavailable(a) || began.Sub(frozen) > served {
							t.Errorf("sent %v after the freeze: status %d %s", began.Sub(frozen), a.StatusCode, a.Text)
						}
					}
					if took := time.Since(began); took > limit+3*time.Second { // the machine may be busy
						t.Errorf("took %v", took)
					}
				})
				time.Sleep(every)
			}
			wait.Wait()
			if failed.Load() == 0 {
				t.Error("the freeze was not felt: this test proves nothing")
			}
			t.Logf("%d of %d calls failed", failed.Load(), len(calls))
			figure.Report(t, figure.Figure{Row: "G8", Name: "calls that failed while a connection to Entra was frozen", Value: fmt.Sprintf("%d of %d", failed.Load(), len(calls))})
		})
	}
}
