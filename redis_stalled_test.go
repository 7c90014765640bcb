package fibermsal_test

import (
	"net/http"
	"regexp"
	"runtime"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/internal/figure"
	"github.com/fibermsal/fibermsal/internal/redistest"
)

func TestG3_StalledRedisHoldsNobody(t *testing.T) {
	for name, start := range redistest.EachAlone(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			markGoroutines(t)
			r := start(t)
			idp := newRegistration(t)
			s, young := newSite(t, idp, inHaste(t, r)), newSite(t, idp, inHaste(t, r)) // which has no connection yet
			b := s.browser()
			b.signIn(adele)
			if replicated, ok := r.(interface{ Replicated() }); ok {
				replicated.Replicated() // the replica will be promoted, and must not lack the sign-in
			}
			goroutines, until := markedGoroutines(t), time.Now().Add(4*time.Second)
			awake := stall(r, 4)
			var wait sync.WaitGroup
			waits := make(chan time.Duration, 500)
			for i := range 20 {
				instance := []*site{s, young}[i%2]
				wait.Go(func() {
					for range 25 {
						guarded := request(http.MethodGet, "/guarded", "")
						guarded.AddCookie(b.Jar[sessionCookie])
						before := time.Now()
						a := instance.send(guarded)
						waits <- time.Since(before)
						if !isUnavailable(a) && time.Now().Before(until) {
							t.Errorf("status %d, cookies %v", a.StatusCode, a.Cookies())
						}
					}
				})
			}
			wait.Wait()
			sorted := make([]time.Duration, len(waits))
			for i := range sorted {
				sorted[i] = <-waits
			}
			slices.Sort(sorted)
			t.Logf("500 requests on a stalled Redis: p50 %v, p99 %v, max %v", sorted[250], sorted[494], sorted[499])
			figure.Report(t, figure.Figure{Row: "R4", Name: "p99 of 500 requests while Redis stalls", Value: sorted[494].Round(time.Millisecond).String()})
			if sorted[494] > time.Second { // a busy machine may hold one longer
				t.Error("they waited for more than one operation")
			}
			awake()
			b.awaitStorage()
			if !strings.Contains(s.log.String(), "the session storage is down") || !strings.Contains(s.log.String(), "the session storage is back") {
				t.Errorf("not told:\n%s", s.log)
			}
			if now := markedGoroutines(t); now > goroutines+200 {
				t.Errorf("%d goroutines, %d before", now, goroutines)
			}
		})
	}
}

// The URL determines the kind of deployment. Options that it does not contain have short timeouts.
func TestG3_RedisStorageSetsDeadlinesHoweverRedisIsRun(t *testing.T) {
	t.Parallel()
	type deadlines struct {
		heeded                  bool
		dial, read, write, pool time.Duration
	}
	for address, want := range map[string]string{
		"redis://host:6379/0":                      "single",
		"rediss://host:6379/0":                     "single",
		"unix:///run/redis.sock":                   "single",
		"redis://host:6379?addr=host:6379":         "cluster",
		"rediss://host:6379/0?addr=other:6379":     "cluster",
		"redis://host:26379/1?master_name=app":     "sentinel",
		"rediss://a?addr=b:26379&master_name=app":  "sentinel",
		"redis://a?master_name=app&addr=b:1&db=12": "sentinel",
	} {
		for options, expected := range map[string]deadlines{
			"": {true, 500 * time.Millisecond, 250 * time.Millisecond, 250 * time.Millisecond, 250 * time.Millisecond},
			"dial_timeout=1s&read_timeout=2s&write_timeout=3s&pool_timeout=4s": {true, time.Second, 2 * time.Second, 3 * time.Second, 4 * time.Second},
		} {
			separator := "?"
			if strings.Contains(address, "?") {
				separator = "&"
			}
			storage, err := fibermsal.RedisStorage(address + separator + options)
			if err != nil {
				t.Fatalf("%s: %v", address, err)
			}
			var kind string
			var got deadlines
			switch client := storage.Conn().(type) {
			case *redis.ClusterClient:
				o := client.Options()
				kind, got = "cluster", deadlines{o.ContextTimeoutEnabled, o.DialTimeout, o.ReadTimeout, o.WriteTimeout, o.PoolTimeout}
			case *redis.Client:
				o := client.Options()
				kind, got = "single", deadlines{o.ContextTimeoutEnabled, o.DialTimeout, o.ReadTimeout, o.WriteTimeout, o.PoolTimeout}
				if o.Addr == "FailoverClient" {
					kind = "sentinel"
				}
			}
			if kind != want || got != expected {
				t.Errorf("%s%s%s: %s with %+v", address, separator, options, kind, got)
			}
			_ = storage.Close()
		}
	}
}

// A Redis that does not respond delays no request for longer than an operation may take, and no
// goroutine remains. The test is not parallel, because goroutines of other tests would be counted.
func TestG3_SilentRedisHoldsNobodyAndLeavesNothing(t *testing.T) {
	bound := 600 * time.Millisecond
	if withRaceDetector() { // which makes of 500 refusals at once seconds of work
		bound = 3 * time.Second
	}
	d := behindNetwork(t, redistest.Start(t), newRegistration(t), "")
	b := d.browser()
	b.awaitSignIn(adele)
	for range 50 {
		d.glance("/guarded", b.session())
	}
	for range 3 { // the machine may become busy in between
		base := goroutines()
		d.proxy.BlackHole()
		waits := b.crowd()
		stalledAt := time.Now()
		for goroutines() > base+5 && time.Since(stalledAt) < 10*time.Second {
			<-time.After(10 * time.Millisecond)
		}
		took := time.Since(stalledAt)
		t.Logf("500 at once: p50 %v, p99 %v, max %v; goroutines %d, now %d, after %v",
			waits[250], waits[494], waits[499], base, goroutines(), took.Round(time.Millisecond))
		if err := d.proxy.Resume(); err != nil {
			t.Fatal(err)
		}
		b.awaitStorage()
		if waits[494] <= bound && took <= 2*time.Second {
			figure.Report(t, figure.Figure{Row: "R4", Name: "p99 of 500 requests at once on a silent Redis", Value: waits[494].Round(time.Millisecond).String()})
			figure.Report(t, figure.Figure{Row: "R4", Name: "goroutines beside those of before, soon after", Value: strconv.Itoa(max(0, goroutines()-base))})
			return
		}
	}
	t.Error("they waited for more than one operation, or goroutines stay")
}

// crowd sends 500 simultaneous requests, which are not served, and returns their waiting times in
// ascending order.
func (b *browser) crowd() []time.Duration {
	b.t.Helper()
	waits := make([]time.Duration, 500)
	var wait sync.WaitGroup
	for i := range waits {
		wait.Go(func() {
			began := time.Now()
			status, body := b.glance("/guarded", b.session())
			waits[i] = time.Since(began)
			if status != http.StatusServiceUnavailable {
				b.t.Errorf("status %d %s", status, body)
			}
		})
	}
	wait.Wait()
	slices.Sort(waits)
	return waits
}

// goroutines counts the goroutines that do not belong to the proxy.
func goroutines() int {
	stacks := make([]byte, 8<<20)
	n := 0
	for stack := range strings.SplitSeq(string(stacks[:runtime.Stack(stacks, true)]), "\n\n") {
		if !strings.Contains(stack, "internal/faultproxy.") {
			n++
		}
	}
	return n
}

// markGoroutines marks those that the test starts from here on, and that they start, because
// other tests start theirs in the same process at the same time.
func markGoroutines(t *testing.T) {
	t.Helper()
	pprof.SetGoroutineLabels(pprof.WithLabels(t.Context(), pprof.Labels("test", t.Name())))
}

// howManyAlike matches the number of goroutines with the same stack, which a profile lists together.
var howManyAlike = regexp.MustCompile(`(?m)^(\d+) @ `)

// markedGoroutines counts what markGoroutines marked for this test.
func markedGoroutines(t *testing.T) int {
	t.Helper()
	var profile strings.Builder
	if err := pprof.Lookup("goroutine").WriteTo(&profile, 1); err != nil {
		t.Fatal(err)
	}
	n := 0
	for stack := range strings.SplitSeq(profile.String(), "\n\n") {
		if !strings.Contains(stack, strconv.Quote(t.Name())) {
			continue
		}
		alike := howManyAlike.FindStringSubmatch(stack)
		if alike == nil {
			t.Fatalf("a stack without its number: %q", stack)
		}
		number, _ := strconv.Atoi(alike[1])
		n += number
	}
	if n == 0 {
		t.Fatal("not even this goroutine is marked")
	}
	return n
}
