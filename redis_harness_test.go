package fibermsal_test

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	fiberredis "github.com/gofiber/storage/redis/v3"
	"github.com/redis/go-redis/v9"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/internal/record"
	"github.com/fibermsal/fibermsal/internal/redistest"
)

// on stores sessions in a Redis. Each site has its own client, like separate instances.
func on(t *testing.T, r redistest.Redis) func(*fibermsal.Config) {
	t.Helper()
	return onURL(t, patiently(r.URLAs("", "")))
}

// inHaste is like on, but with the timeouts of an app, for tests that are about them.
func inHaste(t *testing.T, r redistest.Redis) func(*fibermsal.Config) {
	t.Helper()
	return onURL(t, r.URLAs("", ""))
}

// patiently returns a URL whose client waits for seconds, because on a machine that is busy with tests
// a process may not read replies for some time.
func patiently(address string) string {
	mark := "?"
	if strings.Contains(address, mark) {
		mark = "&"
	}
	return address + mark + "read_timeout=10s&write_timeout=10s&pool_timeout=10s&dial_timeout=10s"
}

// onURL is like on, but takes the URL of a Redis.
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

// newRegistration is like newIDP, but for an app whose Redis keys differ from those of other tests on
// the same Redis.
func newRegistration(t *testing.T, options ...entratest.Option) *entratest.Server {
	t.Helper()
	var id [16]byte
	_, _ = rand.Read(id[:])
	return newIDP(t, append(options, entratest.WithClientID(fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:])))...)
}

// keysOf returns those keys that belong to an app.
func keysOf(idp *entratest.Server, keys []string) []string {
	app := sha256.Sum256([]byte(idp.ClientID))
	prefix := "fm:" + base64.RawURLEncoding.EncodeToString(app[:6]) + ":"
	return slices.DeleteFunc(keys, func(key string) bool { return !strings.HasPrefix(key, prefix) })
}

// onDisk makes a Redis store its data on disk.
var onDisk = []string{"--appendonly", "yes", "--appendfsync", "always"}

// storages are the ways to keep sessions.
func storages(t *testing.T) map[string]func(*testing.T) func(*fibermsal.Config) {
	t.Helper()
	all := map[string]func(*testing.T) func(*fibermsal.Config){
		"memory": func(*testing.T) func(*fibermsal.Config) { return func(*fibermsal.Config) {} },
		"plain":  func(*testing.T) func(*fibermsal.Config) { return onLedger(newLedger()) },
		"embedded": func(t *testing.T) func(*fibermsal.Config) {
			t.Helper()
			return onFile(t, newStorageFile(t))
		},
	}
	for name, start := range redistest.Each(t) {
		all[name] = func(t *testing.T) func(*fibermsal.Config) { t.Helper(); return on(t, start(t)) }
	}
	return all
}

func foreignStorage(client redis.UniversalClient) *fiberredis.Storage {
	return fiberredis.NewFromConnection(client)
}

// unavailable reports whether a response asks the client to try again later, and keeps the cookies.
func isUnavailable(a *answer) bool {
	return a.StatusCode == http.StatusServiceUnavailable && a.Header.Get("Retry-After") != "" && len(a.Cookies()) == 0
}

// outage describes how a signed-in user was served until the storage had recovered.
type outage struct {
	lasted, slowest time.Duration
	answers         int
}

// awaitStorage sends requests until the user is served, which must happen within 20 s. Until then
// nothing worse than a 503 may happen.
func (b *browser) awaitStorage() outage {
	b.t.Helper()
	var o outage
	for began := time.Now(); ; o.answers++ {
		sent := time.Now()
		a := b.Get("/guarded")
		o.lasted, o.slowest = time.Since(began), max(o.slowest, time.Since(sent))
		switch {
		case a.StatusCode == http.StatusOK && len(a.Cookies()) == 0:
			return o
		case !isUnavailable(a) || o.lasted > 20*time.Second:
			b.t.Fatalf("after %v: status %d, cookies %v\n%s\n%s", o.lasted, a.StatusCode, a.Cookies(), a.Text, b.log)
		}
		<-time.After(10 * time.Millisecond)
	}
}

// stall makes all masters accept connections without responding for some seconds.
func stall(r redistest.Redis, seconds int) (awake func()) {
	var stalled sync.WaitGroup
	for _, s := range r.Masters() {
		resume := s.Stall()
		stalled.Go(func() {
			defer resume()
			<-time.After(time.Duration(seconds) * time.Second)
		})
	}
	return stalled.Wait
}

// commands returns the number of commands that an app has sent to the masters.
func commands(t *testing.T, r redistest.Redis) int {
	t.Helper()
	sum := 0
	for _, count := range commandsOf(t, r) {
		sum += count
	}
	return sum
}

// commandsOf counts the commands that an app may use, including redirected ones. Commands between
// servers are not counted.
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

// keyWith returns the only key with an ending.
func keyWith(t *testing.T, server *redistest.Server, end string) string {
	t.Helper()
	for _, key := range server.Keys() {
		if strings.HasSuffix(key, end) {
			return key
		}
	}
	t.Fatalf("no key ends in %s", end)
	return ""
}

// keysWith returns the keys of a session's records among the keys of other libraries.
func keysWith(server *redistest.Server, cookie string) []string {
	name, _ := record.SessionID(cookie)
	return slices.DeleteFunc(server.Keys(), func(key string) bool { return !strings.Contains(key, "{"+name+"}") })
}

// keysOfSession returns the keys of the records that belong to a cookie.
func keysOfSession(t *testing.T, r redistest.Redis, cookie string) []string {
	t.Helper()
	name, ok := record.SessionID(cookie)
	if !ok {
		t.Fatal("no cookie of a session")
	}
	return recordsOfSessions(t, r.Keys())[name]
}

// slowRedis delays each round trip, and counts the ones in progress.
type slowRedis struct {
	takes         time.Duration
	running, most atomic.Int64
	fail          func(redis.Cmder) bool
}

func (h *slowRedis) DialHook(next redis.DialHook) redis.DialHook { return next }

func (h *slowRedis) trip(call func() error) error {
	now := h.running.Add(1)
	for most := h.most.Load(); now > most && !h.most.CompareAndSwap(most, now); most = h.most.Load() {
	}
	defer h.running.Add(-1)
	<-time.After(h.takes)
	return call()
}

func (h *slowRedis) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		return h.trip(func() error {
			if h.fail != nil && h.fail(cmd) {
				err := errors.New("connection reset by peer")
				cmd.SetErr(err)
				return err
			}
			return next(ctx, cmd)
		})
	}
}

func (h *slowRedis) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		return h.trip(func() error {
			if h.fail != nil && h.fail(cmds[0]) {
				err := errors.New("connection reset by peer")
				for _, cmd := range cmds {
					cmd.SetErr(err)
				}
				return err
			}
			return next(ctx, cmds)
		})
	}
}

func configure(t *testing.T, s *redistest.Server, name, value string) {
	t.Helper()
	do(t, s, "CONFIG", "SET", name, value)
}

func do(t *testing.T, s *redistest.Server, command ...any) {
	t.Helper()
	if err := s.Client().Do(t.Context(), command...).Err(); err != nil {
		t.Fatalf("%v: %v", command, err)
	}
}

// replicaOf starts a replica and waits until it is in sync.
func replicaOf(t *testing.T, master *redistest.Server) *redistest.Server {
	t.Helper()
	configure(t, master, "repl-diskless-sync-delay", "0")
	host, port, _ := net.SplitHostPort(master.Addr)
	replica := redistest.Start(t, "--replicaof", host+" "+port)
	awaitLink(t, replica)
	return replica
}

func awaitLink(t *testing.T, replica *redistest.Server) {
	t.Helper()
	for until := time.Now().Add(20 * time.Second); ; <-time.After(20 * time.Millisecond) {
		status := replica.Client().InfoMap(t.Context(), "replication").Item("Replication", "master_link_status")
		if status == "up" {
			return
		}
		if time.Now().After(until) {
			t.Fatalf("the replica's link is %q", status)
		}
	}
}

// awaitSignIn signs in as soon as the storage has recovered.
func (b *browser) awaitSignIn(user string) {
	b.t.Helper()
	for until := time.Now().Add(20 * time.Second); b.session() == ""; <-time.After(20 * time.Millisecond) {
		a := b.Send(b.approve(b.start(""), user).Request())
		if a.StatusCode != http.StatusSeeOther && time.Now().After(until) {
			b.t.Fatalf("sign-in: status %d %s", a.StatusCode, a.Text)
		}
	}
}

// glance sends a request with a session and returns the response. Unlike send it records nothing, so
// that it can be called millions of times and concurrently.
func (s *site) glance(path, session string) (status int, body string) {
	r := request(http.MethodGet, path, "")
	r.AddCookie(&http.Cookie{Name: sessionCookie, Value: session})
	resp, err := testApp(s.app, r)
	if err != nil {
		s.t.Errorf("%s: %v", path, err)
		return 0, ""
	}
	defer func() { _ = resp.Body.Close() }()
	read, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(read)
}
