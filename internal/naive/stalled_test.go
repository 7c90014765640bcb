package naive_test

import (
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fibermsal/fibermsal/internal/faultproxy"
	"github.com/fibermsal/fibermsal/internal/redistest"
)

// The tests of this file are not parallel, because they measure time and goroutines.

func TestR4_RedisStalls(t *testing.T) {
	server, idp := redistest.Start(t), newIDP(t)
	instances := newPair(t, idp, server)
	v := newVisitor(t, adele)
	v.mustSignIn(instances[0])
	resume := server.Stall()
	var stalled sync.WaitGroup
	stalled.Go(func() {
		defer resume()
		<-time.After(4 * time.Second)
	})
	waits := make([]time.Duration, 500)
	atOnce(20, func(worker int) {
		for i := range 25 {
			waits[worker*25+i] = v.timed(instances[worker%2])
		}
	})
	stalled.Wait()
	slices.Sort(waits)
	if waits[499] < 100*time.Millisecond || !v.isServed(instances[0], "/me") {
		t.Errorf("the stall was not felt, or has not ended: %v\n%s", waits[499], instances[0].log)
	}
	report(t, "R4", "p99 of 500 requests while Redis stalls", "%v", waits[494].Round(time.Millisecond))
	report(t, "R4", "longest of 500 requests while Redis stalls", "%v", waits[499].Round(time.Millisecond))
}

func TestR4_RedisIsSilent(t *testing.T) {
	server := redistest.Start(t)
	proxy := faultproxy.New(t, server.Addr)
	a := newApp(t, newIDP(t), onRedis(t, "redis://"+proxy.Addr()+"/0"))
	v := newVisitor(t, adele)
	v.mustSignIn(a)
	for range 50 {
		v.get(a, "/me")
	}
	base := goroutines()
	proxy.BlackHole()
	waits := make([]time.Duration, 500)
	during := make(chan int, 1)
	time.AfterFunc(time.Second, func() { during <- goroutines() - base })
	atOnce(len(waits), func(i int) { waits[i] = v.timed(a) })
	for until := time.Now().Add(10 * time.Second); goroutines() > base+5 && time.Now().Before(until); {
		<-time.After(10 * time.Millisecond)
	}
	after := goroutines() - base
	if err := proxy.Resume(); err != nil {
		t.Fatal(err)
	}
	for until := time.Now().Add(20 * time.Second); !v.isServed(a, "/me"); <-time.After(10 * time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("Redis is back, but users are not served\n%s", a.log)
		}
	}
	slices.Sort(waits)
	if waits[499] < 100*time.Millisecond {
		t.Errorf("the silence was not felt: %v", waits[499])
	}
	report(t, "R4", "p99 of 500 requests at once on a silent Redis", "%v", waits[494].Round(time.Millisecond))
	report(t, "R4", "longest of 500 requests at once on a silent Redis", "%v", waits[499].Round(time.Millisecond))
	report(t, "R4", "goroutines beside those of before, a second after the requests began", "%d", max(0, <-during))
	report(t, "R4", "goroutines beside those of before, soon after", "%d", max(0, after))
}

// timed returns how long a page takes.
func (v *visitor) timed(a *app) time.Duration {
	began := time.Now()
	if answer := v.get(a, "/me"); answer.StatusCode != http.StatusOK && answer.StatusCode != http.StatusInternalServerError {
		v.t.Errorf("status %d", answer.StatusCode)
	}
	return time.Since(began)
}

// goroutines counts goroutines, except those of the proxy and of clients that wait for a response of
// the app.
func goroutines() int {
	stacks := make([]byte, 8<<20)
	n := 0
	for stack := range strings.SplitSeq(string(stacks[:runtime.Stack(stacks, true)]), "\n\n") {
		if !strings.Contains(stack, "internal/faultproxy.") && !strings.Contains(stack, "(*App).Test(") {
			n++
		}
	}
	return n
}
