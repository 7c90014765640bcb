package fibermsal_test

import (
	"context"
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

// onRedis keeps sessions on a real Redis, each site with a client of its own, as
// instances have.
func onRedis(t *testing.T, server *redistest.Server) func(*fibermsal.Config) {
	t.Helper()
	return func(cfg *fibermsal.Config) {
		storage, err := fibermsal.RedisStorage(server.URL)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = storage.Close() })
		cfg.Storage, cfg.Keys = storage, [][]byte{testKey(1)}
	}
}

func TestRedis_ASessionBelongsToAllInstances(t *testing.T) {
	t.Parallel()
	server, idp := redistest.Start(t), newIDP(t)
	here, there := newSite(t, idp, onRedis(t, server)), newSite(t, idp, onRedis(t, server))
	b := here.browser()
	b.signIn(adele)
	b.site = there
	if b.user() != adele || b.get("/token").body != adele {
		t.Errorf("the other instance: %q\n%s", b.user(), there.log)
	}
	b.do(request(http.MethodPost, "/user/logout", ""))
	b.site = here
	if b.user() != "" || len(server.Keys()) != 1 { // the marker of the used response
		t.Errorf("after the sign-out: %v", server.Keys())
	}
	server.Dump() // fails for keys without an end
}

func TestA3_ReplayToAnotherInstanceSignsInOnce(t *testing.T) {
	t.Parallel()
	server, idp := redistest.Start(t), newIDP(t)
	sites := []*site{newSite(t, idp, onRedis(t, server)), newSite(t, idp, onRedis(t, server))}
	b := sites[0].browser()
	response := b.approve(b.start(""), adele)
	var successes atomic.Int32
	var wait sync.WaitGroup
	for i := range 20 {
		r := response.Request()
		for _, c := range b.jar {
			r.AddCookie(c)
		}
		wait.Go(func() {
			if a := sites[i%2].send(r); a.StatusCode == http.StatusSeeOther {
				successes.Add(1)
			}
		})
	}
	wait.Wait()
	if successes.Load() != 1 || idp.Count(entratest.Token) != 1 {
		t.Errorf("%d successes, %d token calls", successes.Load(), idp.Count(entratest.Token))
	}
}

func TestRedis_DownIsA503UntilItIsBack(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, "--appendonly", "yes", "--appendfsync", "always")
	b := newSite(t, newIDP(t), onRedis(t, server)).browser()
	b.signIn(adele)
	server.Stop()
	for _, path := range []string{"/guarded", "/user/info", "/token"} {
		a := b.get(path)
		if a.StatusCode != http.StatusServiceUnavailable || len(a.Cookies()) != 0 || a.Header.Get("Retry-After") == "" {
			t.Errorf("%s: status %d, cookies %v", path, a.StatusCode, a.Cookies())
		}
	}
	server.Restart()
	if b.user() != adele || b.get("/token").body != adele {
		t.Error("the user is gone after the outage")
	}
}

func TestRedis_AppStartsWhileRedisIsDown(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	server.Stop()
	s := newSite(t, newIDP(t), onRedis(t, server))
	if a := s.browser().get("/"); a.StatusCode != http.StatusOK {
		t.Errorf("a public page: status %d", a.StatusCode)
	}
	server.Restart()
	b := s.browser()
	b.signIn(adele)
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
	t.Parallel()
	server := redistest.Start(t, "--enable-debug-command", "yes")
	s := newSite(t, newIDP(t), onRedis(t, server))
	b := s.browser()
	b.signIn(adele)
	cookie := b.jar[sessionCookie]
	goroutines := runtime.NumGoroutine()
	stalled := make(chan struct{})
	go func() { // accepts connections, answers nothing
		defer close(stalled)
		patient := redis.NewClient(&redis.Options{Addr: server.Addr, ReadTimeout: 10 * time.Second, MaxRetries: -1})
		defer func() { _ = patient.Close() }()
		_ = patient.Do(context.Background(), "DEBUG", "SLEEP", "4").Err()
	}()
	<-time.After(100 * time.Millisecond)
	var mu sync.Mutex
	var waits []time.Duration
	var wait sync.WaitGroup
	for range 20 {
		wait.Go(func() {
			for range 25 {
				r := request(http.MethodGet, "/guarded", "")
				r.AddCookie(cookie)
				before := time.Now()
				a := s.send(r)
				mu.Lock()
				waits = append(waits, time.Since(before))
				mu.Unlock()
				if a.StatusCode != http.StatusServiceUnavailable || len(a.Cookies()) != 0 {
					t.Errorf("status %d, cookies %v", a.StatusCode, a.Cookies())
				}
			}
		})
	}
	wait.Wait()
	slices.Sort(waits)
	t.Logf("500 requests on a stalled Redis: p50 %v, p99 %v, max %v", waits[250], waits[494], waits[499])
	<-stalled
	for deadline := time.Now().Add(5 * time.Second); ; <-time.After(50 * time.Millisecond) {
		r := request(http.MethodGet, "/guarded", "")
		r.AddCookie(cookie)
		if a := s.send(r); a.StatusCode == http.StatusOK {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("does not recover")
		}
	}
	if !strings.Contains(s.log.String(), "the session storage is down") || !strings.Contains(s.log.String(), "the session storage is back") {
		t.Errorf("not told:\n%s", s.log)
	}
	if now := runtime.NumGoroutine(); now > goroutines+200 {
		t.Errorf("%d goroutines, %d before", now, goroutines)
	}
}

// One command for who is signed in, whatever the handler asks beside it.
func TestRedis_CommandsOfARequest(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	b := newSite(t, newIDP(t), onRedis(t, server)).browser()
	b.signIn(adele)
	b.get("/token") // from the record, and remembered
	for path, want := range map[string]int{"/": 0, "/guarded": 1, "/user/info": 1, "/token": 1} {
		before := commands(t, server)
		b.get(path)
		if got := commands(t, server) - before - 1; got != want { // less the INFO that counts
			t.Errorf("%s: %d commands, want %d", path, got, want)
		}
	}
}

func foreignStorage(client redis.UniversalClient) *fiberredis.Storage {
	return fiberredis.NewFromConnection(client)
}

// commands is how many commands the server has processed.
func commands(t *testing.T, server *redistest.Server) int {
	t.Helper()
	info, err := server.Client().Info(t.Context(), "stats").Result()
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(info, "total_commands_processed:")
	count, _, _ := strings.Cut(rest, "\r\n")
	n, err := strconv.Atoi(count)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
