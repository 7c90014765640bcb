package fibermsal_test

import (
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/internal/redistest"
)

// aclRules are what docs/production.md tells operators to give the app's Redis user.
const aclRules = "resetkeys ~fm:* resetchannels -@all +get +set +getrange +del +pexpire +eval +evalsha"

// clusterRules are what it needs besides on a Cluster.
const clusterRules = "+cluster|slots"

// shortLived is a life of access tokens that is too short to hand one out twice, so
// that each is renewed.
const shortLived = 20 * time.Second

// onClient keeps sessions where a client of go-redis leads.
func onClient(client redis.UniversalClient) func(*fibermsal.Config) {
	return func(cfg *fibermsal.Config) {
		cfg.Storage, cfg.Keys = foreignStorage(client), [][]byte{testKey(1)}
	}
}

func TestCluster_ASessionBelongsToAllInstances(t *testing.T) {
	t.Parallel()
	cluster, idp := redistest.StartCluster(t), newIDP(t, entratest.WithAccessTokenLifetime(shortLived))
	client := cluster.Client()
	here, there := newSite(t, idp, onClient(client)), newSite(t, idp, onClient(cluster.Client()))
	browsers := make([]*browser, 12) // sessions on all masters
	for i := range browsers {
		browsers[i] = here.browser()
		browsers[i].signIn(adele)
	}
	for _, s := range cluster.Servers() {
		if len(s.Keys()) == 0 {
			t.Errorf("%s holds nothing", s.Addr)
		}
	}
	records := recordsOfSessions(t, cluster.Keys())
	if len(records) != len(browsers) {
		t.Errorf("%d sessions have records, want %d", len(records), len(browsers))
	}
	for name, keys := range records {
		if len(keys) != 2 {
			t.Errorf("%s: records %v, want the session and its tokens", name, keys)
		}
		slot := client.ClusterKeySlot(t.Context(), keys[0]).Val()
		for _, key := range keys {
			if got, err := client.ClusterKeySlot(t.Context(), key).Result(); err != nil || got != slot {
				t.Errorf("%s is on slot %d, %s on %d: %v", keys[0], slot, key, got, err)
			}
		}
	}
	cluster.Dump() // fails for keys without an end

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
	cluster.Dump()

	for _, b := range browsers[1:] {
		b.do(request(http.MethodPost, "/user/logout", ""))
		b.site = here
		if b.user() != "" {
			t.Error("signed in after the sign-out on the other instance")
		}
	}
	if left := recordsOfSessions(t, cluster.Keys()); len(left) != 1 {
		t.Errorf("records of %d sessions are left: %v", len(left), left)
	}
	if browsers[0].user() != adele {
		t.Error("another session's sign-out ended this one")
	}
}

func TestCluster_TouchProlongsBothRecords(t *testing.T) {
	t.Parallel()
	cluster := redistest.StartCluster(t)
	client := cluster.Client()
	s := newSite(t, newIDP(t), onClient(client), func(cfg *fibermsal.Config) { cfg.IdleTimeout = 10 * time.Second })
	b := s.browser()
	b.signIn(adele)
	<-time.After(2 * time.Second) // more than a tenth of the idle time
	if b.user() != adele {
		t.Fatal("not signed in")
	}
	for _, keys := range recordsOfSessions(t, cluster.Keys()) {
		for _, key := range keys {
			if life := client.PTTL(t.Context(), key).Val(); life <= 8*time.Second {
				t.Errorf("%s lives for %v: not prolonged", key, life)
			}
		}
	}
}

func TestCluster_ReplayToAnotherInstanceSignsInOnce(t *testing.T) {
	t.Parallel()
	cluster, idp := redistest.StartCluster(t), newIDP(t)
	sites := []*site{newSite(t, idp, onClient(cluster.Client())), newSite(t, idp, onClient(cluster.Client()))}
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
			if sites[i%2].send(r).StatusCode == http.StatusSeeOther {
				successes.Add(1)
			}
		})
	}
	wait.Wait()
	if successes.Load() != 1 || idp.Count(entratest.Token) != 1 {
		t.Errorf("%d successes, %d token calls", successes.Load(), idp.Count(entratest.Token))
	}
}

// A failover makes users wait, and signs nobody out.
func TestG4_FailoverKeepsUsersSignedIn(t *testing.T) {
	t.Parallel()
	sentinel, idp := redistest.StartSentinel(t), newIDP(t, entratest.WithAccessTokenLifetime(shortLived))
	here, there := newSite(t, idp, onClient(sentinel.Client())), newSite(t, idp, onClient(sentinel.Client()))
	stays, leaves := here.browser(), here.browser()
	stays.signIn(adele)
	leaves.signIn(alex)
	stays.site = there
	if stays.user() != adele {
		t.Fatal("the other instance does not know the user")
	}
	stays.site = here
	sentinel.Replicated()

	killed, dead := time.Now(), sentinel.KillMaster()
	unavailable, slowest := 0, time.Duration(0)
	for {
		asked := time.Now()
		a := stays.get("/guarded")
		slowest = max(slowest, time.Since(asked))
		if len(a.Cookies()) != 0 {
			t.Fatalf("the answer touches cookies: %v", a.Cookies())
		}
		if a.StatusCode == http.StatusOK {
			break
		}
		if a.StatusCode != http.StatusServiceUnavailable || a.Header.Get("Retry-After") == "" {
			t.Fatalf("status %d\n%s\n%s", a.StatusCode, a.body, here.log)
		}
		unavailable++
		if time.Since(killed) > 20*time.Second {
			t.Fatalf("still down\n%s", here.log)
		}
		<-time.After(10 * time.Millisecond)
	}
	t.Logf("recovered %v after the kill; %d answers of 503, the slowest took %v",
		time.Since(killed).Round(time.Millisecond), unavailable, slowest.Round(time.Millisecond))
	if unavailable == 0 {
		t.Error("nobody noticed that the master was dead")
	}
	sentinel.AwaitFailover(dead)

	if stays.user() != adele || stays.get("/token").body != adele {
		t.Errorf("after the failover: %q\n%s", stays.user(), here.log)
	}
	stays.site = there
	for until := time.Now().Add(20 * time.Second); stays.get("/token").body != adele; { // its pool notices by itself
		if time.Now().After(until) {
			t.Fatalf("the other instance has not recovered\n%s", there.log)
		}
		<-time.After(20 * time.Millisecond)
	}
	newcomer := there.browser()
	newcomer.signIn(alex)
	if newcomer.user() != alex {
		t.Error("a new sign-in did not last")
	}
	leaves.do(request(http.MethodPost, "/user/logout", ""))
	leaves.site = there
	if leaves.user() != "" {
		t.Error("signed in after the sign-out")
	}
	if n := len(recordsOfSessions(t, sentinel.Keys())); n != 2 {
		t.Errorf("records of %d sessions, want 2", n)
	}
	sentinel.Dump()

	dead.Restart() // empty, and believing that it is the master
	sentinel.AwaitReplica(dead)
	if stays.user() != adele || newcomer.user() != alex || leaves.user() != "" {
		t.Error("the old master's return changed who is signed in")
	}
}

// The app's Redis user needs what docs/production.md gives it, and nothing else: all
// that fibermsal does is done as that user (threat E8).
func TestE8_UserWithTheDocumentedRightsIsEnough(t *testing.T) {
	t.Parallel()
	assertDocumented(t, aclRules)
	server := redistest.Start(t)
	createUser(t, aclRules, server)
	useEverything(t, func(cfg *fibermsal.Config) {
		storage, err := fibermsal.RedisStorage("redis://app:app-password@" + server.Addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = storage.Close() })
		cfg.Storage, cfg.Keys = storage, [][]byte{testKey(1)}
	})
	if left := recordsOfSessions(t, server.Keys()); len(left) != 0 {
		t.Errorf("left after the sign-out: %v", left)
	}
	assertNothingDenied(t, server)
	stats, err := server.Client().Info(t.Context(), "commandstats").Result()
	if err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{"get", "set", "del", "pexpire"} {
		if !strings.Contains(stats, "cmdstat_"+command+":") {
			t.Errorf("%s was never needed", command)
		}
	}

	app := redis.NewClient(&redis.Options{Addr: server.Addr, Username: "app", Password: "app-password"})
	t.Cleanup(func() { _ = app.Close() })
	for _, forbidden := range [][]any{
		{"FLUSHDB"},
		{"FLUSHALL"},
		{"KEYS", "*"},
		{"SCAN", "0"},
		{"RANDOMKEY"},
		{"CONFIG", "GET", "*"},
		{"ACL", "LIST"},
		{"MONITOR"},
		{"SHUTDOWN"},
		{"GET", "session-of-another-app"},
		{"SET", "x", "y"},
	} {
		if err := app.Do(t.Context(), forbidden...).Err(); err == nil || !strings.HasPrefix(err.Error(), "NOPERM") {
			t.Errorf("%v: %v", forbidden, err)
		}
	}
}

func TestCluster_UserWithTheDocumentedRightsIsEnough(t *testing.T) {
	t.Parallel()
	assertDocumented(t, clusterRules)
	cluster := redistest.StartCluster(t)
	createUser(t, aclRules+" "+clusterRules, cluster.Servers()...)
	useEverything(t, func(cfg *fibermsal.Config) {
		options := *cluster.Client().Options()
		options.Username, options.Password = "app", "app-password"
		client := redis.NewClusterClient(&options)
		t.Cleanup(func() { _ = client.Close() })
		onClient(client)(cfg)
	})
	if left := recordsOfSessions(t, cluster.Keys()); len(left) != 0 {
		t.Errorf("left after the sign-out: %v", left)
	}
	assertNothingDenied(t, cluster.Servers()...)
}

func assertDocumented(t *testing.T, rules string) {
	t.Helper()
	page, err := os.ReadFile("docs/production.md")
	if err != nil || !strings.Contains(string(page), rules) {
		t.Errorf("docs/production.md does not give %q: %v", rules, err)
	}
}

func createUser(t *testing.T, rules string, servers ...*redistest.Server) {
	t.Helper()
	for _, s := range servers {
		if err := s.Client().ACLSetUser(t.Context(), "app", append([]string{"on", ">app-password"}, strings.Fields(rules)...)...).Err(); err != nil {
			t.Fatal(err)
		}
	}
}

func assertNothingDenied(t *testing.T, servers ...*redistest.Server) {
	t.Helper()
	for _, s := range servers {
		denied, err := s.Client().ACLLog(t.Context(), 1000).Result()
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range denied {
			// go-redis introduces itself, and takes no for an answer.
			if !strings.HasPrefix(entry.Object, "client|") {
				t.Errorf("denied: %s %q (%s)", entry.Reason, entry.Object, entry.Context)
			}
		}
	}
}

// useEverything signs a user in, renews tokens on two instances at once, so that
// they meet at whatever keeps them apart, prolongs the session and signs out.
func useEverything(t *testing.T, storage func(*fibermsal.Config)) {
	t.Helper()
	idp := newIDP(t, entratest.WithAccessTokenLifetime(shortLived))
	short := func(cfg *fibermsal.Config) { cfg.IdleTimeout = 10 * time.Second }
	sites := []*site{newSite(t, idp, storage, short), newSite(t, idp, storage, short)}
	b := sites[0].browser()
	b.signIn(adele)
	idp.Fault(entratest.Token, entratest.Fault{Delay: 300 * time.Millisecond, Times: 1})
	var wait sync.WaitGroup
	for i := range 20 {
		r := request(http.MethodGet, "/token", "")
		r.AddCookie(&http.Cookie{Name: sessionCookie, Value: b.session()})
		wait.Go(func() {
			if a := sites[i%2].send(r); a.body != adele {
				t.Errorf("token: status %d %s", a.StatusCode, a.body)
			}
		})
	}
	wait.Wait()
	<-time.After(1100 * time.Millisecond) // a tenth of the idle time
	if b.user() != adele {
		t.Error("not signed in")
	}
	b.do(request(http.MethodPost, "/user/logout", ""))
	if b.user() != "" {
		t.Error("signed in after the sign-out")
	}
	for _, s := range sites {
		if strings.Contains(s.log.String(), "NOPERM") {
			t.Errorf("Redis refused something:\n%s", s.log)
		}
	}
}

// What docs/production.md promises of noeviction.
func TestG5_FullOfMemoryRefusesSignInsAndKeepsUsers(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, "--maxmemory-policy", "noeviction")
	s := newSite(t, newIDP(t, entratest.WithAccessTokenLifetime(shortLived)), onRedis(t, server),
		func(cfg *fibermsal.Config) { cfg.IdleTimeout = 10 * time.Second })
	b, newcomer := s.browser(), s.browser()
	b.signIn(adele)
	if err := server.Client().ConfigSet(t.Context(), "maxmemory", "1").Err(); err != nil {
		t.Fatal(err)
	}
	<-time.After(2 * time.Second) // the session has to be prolonged
	if b.user() != adele || b.get("/token").body != adele {
		t.Errorf("who is signed in: %q\n%s", b.user(), s.log)
	}
	for name, key := range recordsOfSessions(t, server.Keys()) {
		if life := server.Client().PTTL(t.Context(), key[0]).Val(); life <= 8*time.Second {
			t.Errorf("%s lives for %v: not prolonged", name, life)
		}
	}
	for range 10 { // more than would trip the breaker, if a refusal were an outage
		a := newcomer.do(newcomer.approve(newcomer.start(""), alex).Request())
		if a.StatusCode != http.StatusServiceUnavailable || newcomer.session() != "" {
			t.Errorf("a new sign-in: status %d, session %q", a.StatusCode, newcomer.session())
		}
	}
	if b.user() != adele {
		t.Error("a refused sign-in signed somebody else out")
	}
	b.do(request(http.MethodPost, "/user/logout", ""))
	if b.user() != "" || len(server.Keys()) != 1 { // the marker of the used response
		t.Errorf("after the sign-out: %v", server.Keys())
	}
	if err := server.Client().ConfigSet(t.Context(), "maxmemory", "0").Err(); err != nil {
		t.Fatal(err)
	}
	newcomer.signIn(alex)
}

// What docs/production.md says about sizing comes from here:
//
//	go test -run TestRedis_MemoryOfSessions -v .
func TestRedis_MemoryOfSessions(t *testing.T) {
	t.Parallel()
	const users = 200
	server, idp := redistest.Start(t), newIDP(t)
	s, admin := newSite(t, idp, onRedis(t, server)), server.Client()
	usedMemory := func() int64 {
		t.Helper()
		info := admin.InfoMap(t.Context(), "memory")
		var used int64
		if _, err := fmt.Sscan(info.Item("Memory", "used_memory_dataset"), &used); err != nil {
			t.Fatal(err)
		}
		return used
	}
	s.browser().signIn(alex) // opens the connections
	before, present := usedMemory(), server.Keys()
	for range users {
		s.browser().signIn(adele)
	}
	grown := usedMemory() - before
	kinds, records := map[string]int64{}, int64(0)
	for _, key := range server.Keys() {
		if slices.Contains(present, key) {
			continue
		}
		used, err := admin.MemoryUsage(t.Context(), key, 0).Result()
		if err != nil {
			t.Fatal(err)
		}
		kind := "marker"
		if _, after, ok := strings.Cut(key, "}:"); ok {
			kind = after
		}
		kinds[kind] += used
		records += used
	}
	t.Logf("%d bytes a session by MEMORY USAGE, %d by used_memory_dataset", records/users, grown/users)
	for kind, used := range kinds {
		t.Logf("%s: %d bytes", kind, used/users)
	}
	if perSession := records / users; perSession > 16<<10 {
		t.Errorf("%d bytes a session: docs/production.md promises less", perSession)
	}
}

// recordsOfSessions groups the keys that belong to sessions by their hash tag. What
// else there is are the markers of used responses.
func recordsOfSessions(t *testing.T, keys []string) map[string][]string {
	t.Helper()
	records := map[string][]string{}
	for _, key := range keys {
		_, rest, tagged := strings.Cut(key, "{")
		name, _, closed := strings.Cut(rest, "}")
		switch {
		case tagged && closed && name != "":
			records[name] = append(records[name], key)
		case !strings.Contains(key, ":u:"):
			t.Errorf("%s is neither of a session nor a marker", key)
		}
	}
	return records
}
