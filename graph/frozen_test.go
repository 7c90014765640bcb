package graph_test

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/graph"
	"github.com/fibermsal/fibermsal/internal/faultproxy"
	"github.com/fibermsal/fibermsal/internal/figure"
)

// All calls of a process are sent on one connection. When it stops passing data without an error, reads
// are repeated on another connection, other calls fail within their limit, and calls that begin five
// seconds later succeed.
func TestG18_AFrozenConnectionToGraphIsGivenUp(t *testing.T) {
	t.Parallel()
	entra := entratest.New(entratest.WithRedirectURI(publicURL + "/user/authorized"))
	if err := entra.Listen(entratest.ListenConfig{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = entra.Close() })
	u, err := url.Parse(entra.GraphURL)
	if err != nil {
		t.Fatal(err)
	}
	proxy := faultproxy.New(t, u.Host)
	b := siteOf(t, entra, func(cfg *fibermsal.Config) {
		cfg.HTTPClient = &http.Client{Transport: proxy.Transport(entra.CAPEM())}
	}).signIn(t, adele)
	call := func(within time.Duration) (err error) {
		b.run(func(c *fiber.Ctx) error {
			ctx := context.Background()
			if within > 0 {
				bounded, cancel := context.WithTimeout(ctx, within)
				defer cancel()
				ctx = bounded
			}
			_, err = graph.Me(c).Get(ctx, nil)
			return err
		})
		return err
	}
	if err := call(0); err != nil {
		t.Fatal(err)
	}
	proxy.FreezeExisting()
	frozen := time.Now()
	var wait sync.WaitGroup
	var hurried atomic.Int32
	for n := 0; time.Since(frozen) < 7*time.Second; n++ { // 50 a second
		limit := []time.Duration{0, time.Second}[n%2]
		wait.Go(func() {
			began := time.Now()
			err := call(limit)
			switch after := began.Sub(frozen); {
			case err != nil && limit > 0 && after < 5*time.Second:
				hurried.Add(1)
			case err != nil:
				t.Errorf("sent %v after the freeze, with the limit %v: %v", after, limit, err)
			}
			if took := time.Since(began); took > 15*time.Second {
				t.Errorf("took %v", took)
			}
		})
		time.Sleep(20 * time.Millisecond)
	}
	wait.Wait()
	if hurried.Load() == 0 {
		t.Error("the freeze was not felt: this test proves nothing")
	}
	t.Logf("%d calls with a limit of a second failed", hurried.Load())
	figure.Report(t, figure.Figure{Row: "G18", Name: "calls with a limit of a second that failed while a connection to Graph was frozen", Value: strconv.Itoa(int(hurried.Load()))})
}
