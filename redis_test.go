package fibermsal_test

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2/middleware/session"
	fiberredis "github.com/gofiber/storage/redis/v3"
	"github.com/redis/go-redis/v9"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/internal/redistest"
)

// on keeps sessions on a Redis, each site with a client of its own, as instances have.
func on(t *testing.T, r redistest.Redis) func(*fibermsal.Config) {
	t.Helper()
	return onURL(t, patiently(r.URLAs("", "")))
}

// inHaste is on with the deadlines of an app, for tests that are about them.
func inHaste(t *testing.T, r redistest.Redis) func(*fibermsal.Config) {
	t.Helper()
	return onURL(t, r.URLAs("", ""))
}

// patiently is a URL whose client waits for seconds: on a machine that is busy with tests a
// process may not get to read its answers for a while.
func patiently(address string) string {
	mark := "?"
	if strings.Contains(address, mark) {
		mark = "&"
	}
	return address + mark + "read_timeout=10s&write_timeout=10s&pool_timeout=10s&dial_timeout=10s"
}

// onURL is on by the URL of a Redis.
func onURL(t *testing.T, address string) func(*fibermsal.Config) {
	t.Helper()
	return func(cfg *fibermsal.Config) {
		cfg.Keys = [][]byte{testKey(1)}
		storage, err := fibermsal.RedisStorage(address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = storage.Close() })
		cfg.Storage = storage
	}
}

// newApp is newIDP for an app whose keys are not those of other tests on the same Redis.
func newApp(t *testing.T, options ...entratest.Option) *entratest.Server {
	t.Helper()
	var id [16]byte
	_, _ = rand.Read(id[:])
	return newIDP(t, append(options, entratest.WithClientID(fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:])))...)
}

// keysOf are those of keys that belong to an app.
func keysOf(idp *entratest.Server, keys []string) []string {
	app := sha256.Sum256([]byte(idp.ClientID))
	prefix := "fm:" + base64.RawURLEncoding.EncodeToString(app[:6]) + ":"
	return slices.DeleteFunc(keys, func(key string) bool { return !strings.HasPrefix(key, prefix) })
}

// onDisk makes a Redis keep what it was given.
var onDisk = []string{"--appendonly", "yes", "--appendfsync", "always"}

// unavailable reports whether an answer asks to come again, and leaves the cookies.
func (a *answer) unavailable() bool {
	return a.StatusCode == http.StatusServiceUnavailable && a.Header.Get("Retry-After") != "" && len(a.Cookies()) == 0
}

// outage is how somebody who is signed in was served until the storage was back.
type outage struct {
	lasted, slowest time.Duration
	answers         int
}

// awaitStorage asks until the user is served, which is no later than 20 s, and meets
// nothing worse until then than a 503.
func (b *browser) awaitStorage() outage {
	b.t.Helper()
	var o outage
	for began := time.Now(); ; o.answers++ {
		asked := time.Now()
		a := b.get("/guarded")
		o.lasted, o.slowest = time.Since(began), max(o.slowest, time.Since(asked))
		switch {
		case a.StatusCode == http.StatusOK && len(a.Cookies()) == 0:
			return o
		case !a.unavailable() || o.lasted > 20*time.Second:
			b.t.Fatalf("after %v: status %d, cookies %v\n%s\n%s", o.lasted, a.StatusCode, a.Cookies(), a.body, b.log)
		}
		<-time.After(10 * time.Millisecond)
	}
}

func TestRedis_ASessionBelongsToAllInstances(t *testing.T) {
	for name, start := range redistest.Each(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t)
			idp := newApp(t, entratest.WithAccessTokenLifetime(shortLived))
			here, there := newSite(t, idp, on(t, r)), newSite(t, idp, on(t, r))
			browsers := make([]*browser, 12) // sessions on all masters
			for i := range browsers {
				browsers[i] = here.browser()
				browsers[i].signIn(adele)
			}
			assertSpread(t, r, idp, len(browsers))
			for _, b := range browsers {
				before := idp.Count(entratest.Token)
				if b.user() != adele || b.get("/token").body != adele {
					t.Errorf("here: %q\n%s", b.user(), here.log)
				}
				b.site = there
				if b.user() != adele || b.get("/token").body != adele {
					t.Errorf("the other instance: %q\n%s", b.user(), there.log)
				}
				if renewed := idp.Count(entratest.Token) - before; renewed != 2 {
					t.Errorf("%d renewals, want one here and one there", renewed)
				}
			}
			r.Dump() // fails for keys without an end

			for _, b := range browsers[1:] {
				b.do(request(http.MethodPost, "/user/logout", ""))
				b.site = here
				if b.user() != "" {
					t.Error("signed in after the sign-out on the other instance")
				}
			}
			if left := recordsOfSessions(t, keysOf(idp, r.Keys())); len(left) != 1 {
				t.Errorf("records of %d sessions are left: %v", len(left), left)
			}
			if browsers[0].user() != adele {
				t.Error("another session's sign-out ended this one")
			}
		})
	}
}

// assertSpread checks that all masters hold keys of an app, and that the two records
// of a session lie on one slot.
func assertSpread(t *testing.T, r redistest.Redis, idp *entratest.Server, sessions int) {
	t.Helper()
	for _, s := range r.Masters() {
		if len(keysOf(idp, s.Keys())) == 0 {
			t.Errorf("%s holds nothing", s.Addr)
		}
	}
	records := recordsOfSessions(t, keysOf(idp, r.Keys()))
	if len(records) != sessions {
		t.Errorf("%d sessions have records, want %d", len(records), sessions)
	}
	for name, keys := range records {
		if len(keys) != 2 {
			t.Errorf("%s: records %v, want the session and its tokens", name, keys)
		}
		if len(r.Masters()) == 1 {
			continue // it knows no slots
		}
		slot := r.Patient().ClusterKeySlot(t.Context(), keys[0]).Val()
		for _, key := range keys {
			if got, err := r.Patient().ClusterKeySlot(t.Context(), key).Result(); err != nil || got != slot {
				t.Errorf("%s is on slot %d, %s on %d: %v", keys[0], slot, key, got, err)
			}
		}
	}
}

func TestRedis_TouchProlongsBothRecords(t *testing.T) {
	for name, start := range redistest.Each(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t)
			idp := newApp(t)
			b := newSite(t, idp, on(t, r), func(cfg *fibermsal.Config) { cfg.IdleTimeout = 10 * time.Second }).browser()
			b.signIn(adele)
			<-time.After(2 * time.Second) // more than a tenth of the idle time
			if b.user() != adele {
				t.Fatal("not signed in")
			}
			client := r.Patient()
			for _, keys := range recordsOfSessions(t, keysOf(idp, r.Keys())) {
				for _, key := range keys {
					if life := client.PTTL(t.Context(), key).Val(); life <= 8*time.Second {
						t.Errorf("%s lives for %v: not prolonged", key, life)
					}
				}
			}
		})
	}
}

func TestA3_ReplayToAnotherInstanceSignsInOnce(t *testing.T) {
	for name, start := range redistest.Each(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t)
			idp := newApp(t)
			sites := []*site{newSite(t, idp, on(t, r)), newSite(t, idp, on(t, r))}
			b := sites[0].browser()
			response := b.approve(b.start(""), adele)
			var successes atomic.Int32
			var wait sync.WaitGroup
			for i := range 20 {
				again := response.Request()
				for _, c := range b.jar {
					again.AddCookie(c)
				}
				wait.Go(func() {
					if sites[i%2].send(again).StatusCode == http.StatusSeeOther {
						successes.Add(1)
					}
				})
			}
			wait.Wait()
			if successes.Load() != 1 || idp.Count(entratest.Token) != 1 {
				t.Errorf("%d successes, %d token calls", successes.Load(), idp.Count(entratest.Token))
			}
		})
	}
}

func TestRedis_DownIsA503UntilItIsBack(t *testing.T) {
	for name, start := range redistest.EachAlone(t, onDisk...) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t)
			b := newSite(t, newApp(t), inHaste(t, r)).browser()
			b.signIn(adele)
			r.Stop()
			for _, path := range []string{"/guarded", "/user/info", "/token"} {
				if !b.get(path).unavailable() {
					t.Errorf("%s is served without Redis", path)
				}
			}
			r.Restart()
			b.awaitStorage()
			if b.user() != adele || b.get("/token").body != adele {
				t.Error("the user is gone after the outage")
			}
		})
	}
}

// Many ask at the moment at which Redis dies, who share what they ask it.
func TestG2_ACrowdIsNotSignedOutWhenRedisIsKilled(t *testing.T) {
	for name, start := range redistest.EachAlone(t, onDisk...) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t)
			b := newSite(t, newApp(t), inHaste(t, r)).browser()
			b.signIn(adele)
			if replicated, ok := r.(interface{ Replicated() }); ok {
				replicated.Replicated() // the replica will be promoted, and must not lack the sign-in
			}
			var wait sync.WaitGroup
			for range 100 {
				wait.Go(func() { b.ask(time.Second) })
			}
			<-time.After(300 * time.Millisecond)
			r.Stop()
			wait.Wait()
			r.Restart()
			b.awaitStorage()
			if b.user() != adele {
				t.Error("the user is gone after the outage")
			}
		})
	}
}

func TestRedis_AppStartsWhileRedisIsDown(t *testing.T) {
	for name, start := range redistest.EachAlone(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t)
			r.Stop()
			s := newSite(t, newApp(t), inHaste(t, r))
			if a := s.browser().get("/"); a.StatusCode != http.StatusOK {
				t.Errorf("a public page: status %d", a.StatusCode)
			}
			r.Restart()
			s.browser().signIn(adele)
		})
	}
}

func TestRedis_ClientWithoutDeadlinesIsWarnedAbout(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	s := newSite(t, newIDP(t), func(cfg *fibermsal.Config) {
		cfg.Storage, cfg.Keys = foreignStorage(redis.NewClient(&redis.Options{Addr: server.Addr})), [][]byte{testKey(1)}
	})
	if !strings.Contains(s.log.String(), "ContextTimeoutEnabled") {
		t.Errorf("not warned:\n%s", s.log)
	}
}

func TestRedis_StorageOfTheSessionMiddlewareServes(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	storage, err := fibermsal.RedisStorage(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = storage.Close() })
	store := session.New(session.Config{Storage: storage})
	b := newSite(t, newIDP(t), func(cfg *fibermsal.Config) {
		cfg.Storage, cfg.Keys = store.Storage, [][]byte{testKey(1)}
	}).browser()
	b.signIn(adele)
	if b.user() != adele {
		t.Error("not signed in")
	}
}

func TestG3_StalledRedisHoldsNobody(t *testing.T) {
	for name, start := range redistest.EachAlone(t, "--enable-debug-command", "yes") {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t)
			idp := newApp(t)
			s, young := newSite(t, idp, inHaste(t, r)), newSite(t, idp, inHaste(t, r)) // which has no connection yet
			b := s.browser()
			b.signIn(adele)
			if replicated, ok := r.(interface{ Replicated() }); ok {
				replicated.Replicated() // the replica will be promoted, and must not lack the sign-in
			}
			goroutines, until := runtime.NumGoroutine(), time.Now().Add(4*time.Second)
			awake := stall(r, 4)
			<-time.After(100 * time.Millisecond)
			var wait sync.WaitGroup
			waits := make(chan time.Duration, 500)
			for i := range 20 {
				asked := []*site{s, young}[i%2]
				wait.Go(func() {
					for range 25 {
						asks := request(http.MethodGet, "/guarded", "")
						asks.AddCookie(b.jar[sessionCookie])
						before := time.Now()
						a := asked.send(asks)
						waits <- time.Since(before)
						if !a.unavailable() && time.Now().Before(until) {
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
			if sorted[494] > time.Second { // a busy machine may hold one longer
				t.Error("they waited for more than one operation")
			}
			awake()
			b.awaitStorage()
			if !strings.Contains(s.log.String(), "the session storage is down") || !strings.Contains(s.log.String(), "the session storage is back") {
				t.Errorf("not told:\n%s", s.log)
			}
			if now := runtime.NumGoroutine(); now > goroutines+200 {
				t.Errorf("%d goroutines, %d before", now, goroutines)
			}
		})
	}
}

// The URL says how Redis is run, and options that it leaves open are those of an app in
// a hurry.
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

// stall has all masters accept connections and answer nothing for some seconds.
func stall(r redistest.Redis, seconds int) (awake func()) {
	var stalled sync.WaitGroup
	for _, s := range r.Masters() {
		stalled.Go(func() {
			patient := redis.NewClient(&redis.Options{Addr: s.Addr, ReadTimeout: 10 * time.Second, MaxRetries: -1})
			defer func() { _ = patient.Close() }()
			_ = patient.Do(context.Background(), "DEBUG", "SLEEP", seconds).Err()
		})
	}
	return stalled.Wait
}

// One command for who is signed in, whatever the handler asks beside it.
func TestRedis_CommandsOfARequest(t *testing.T) {
	for name, start := range redistest.EachAlone(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t)
			b := newSite(t, newApp(t), on(t, r)).browser()
			b.signIn(adele)
			b.get("/token") // from the record, and remembered
			for path, want := range map[string]int{"/": 0, "/guarded": 1, "/user/info": 1, "/token": 1} {
				before := commands(t, r)
				b.get(path)
				if got := commands(t, r) - before; got != want {
					t.Errorf("%s: %d commands, want %d", path, got, want)
				}
			}
		})
	}
}

func foreignStorage(client redis.UniversalClient) *fiberredis.Storage {
	return fiberredis.NewFromConnection(client)
}

// commands is how many commands of an app the masters were sent.
func commands(t *testing.T, r redistest.Redis) int {
	t.Helper()
	sum := 0
	for _, count := range commandsOf(t, r) {
		sum += count
	}
	return sum
}

// commandsOf counts those that an app may use, redirected ones included: servers talk
// among themselves as well.
func commandsOf(t *testing.T, r redistest.Redis) map[string]int {
	t.Helper()
	counts := map[string]int{}
	rules, _ := documentedRules(t)
	for _, s := range r.Masters() {
		stats := s.Client().InfoMap(t.Context(), "commandstats")
		for _, rule := range strings.Fields(rules) {
			command, allowed := strings.CutPrefix(rule, "+")
			if !allowed {
				continue
			}
			for field := range strings.SplitSeq(stats.Item("Commandstats", "cmdstat_"+command), ",") {
				if name, count, _ := strings.Cut(field, "="); name == "calls" || name == "rejected_calls" {
					n, err := strconv.Atoi(count)
					if err != nil {
						t.Fatal(err)
					}
					counts[command] += n
				}
			}
		}
	}
	return counts
}
