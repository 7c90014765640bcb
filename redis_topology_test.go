package fibermsal_test

import (
	"fmt"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/internal/record"
	"github.com/fibermsal/fibermsal/internal/redistest"
)

// documentedRules are what docs/production.md tells operators to give the app's Redis
// user, and what besides on a Cluster.
func documentedRules(t *testing.T) (rules, onACluster string) {
	t.Helper()
	page, err := os.ReadFile("docs/production.md")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile("(?s)ACL SETUSER app on >password ([^\n]+)\n\nOn a Cluster add `([^`]+)`").FindSubmatch(page)
	if found == nil {
		t.Fatal("docs/production.md gives no rules")
	}
	return string(found[1]), string(found[2])
}

// shortLived is a life of access tokens that is too short to hand one out twice, so
// that each is renewed.
const shortLived = 20 * time.Second

// A failover makes users wait, and signs nobody out.
func TestG4_FailoverKeepsUsersSignedIn(t *testing.T) {
	t.Parallel()
	sentinel, idp := redistest.StartSentinel(t), newApp(t, entratest.WithOneTimeRefreshTokens())
	here, there := newSite(t, idp, inHaste(t, sentinel)), newSite(t, idp, inHaste(t, sentinel))
	stays, leaves := here.browser(), here.browser()
	stays.signIn(adele)
	leaves.signIn(alex)
	elsewhere := &browser{site: there, jar: stays.jar}
	if elsewhere.user() != adele {
		t.Fatal("the other instance does not know the user")
	}
	sentinel.Replicated()

	dead := sentinel.KillMaster()
	o := stays.awaitStorage()
	t.Logf("recovered %v after the kill; %d answers of 503, the slowest took %v", o.lasted.Round(time.Millisecond), o.answers, o.slowest.Round(time.Millisecond))
	if o.answers == 0 {
		t.Error("nobody noticed that the master was dead")
	}
	sentinel.AwaitFailover(dead)
	elsewhere.awaitStorage() // its pool notices by itself

	if stays.user() != adele || elsewhere.user() != adele {
		t.Errorf("after the failover: %q and %q\n%s", stays.user(), elsewhere.user(), here.log)
	}
	stays.vault(sentinel).expire()
	renewOnce(t, []*site{here, there}, stays)
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

// A master that dies concerns those whose sessions it holds, or, where the Cluster is
// told so, everybody. Nobody is signed out.
func TestG2_MasterOfAClusterIsKilledAndComesBack(t *testing.T) {
	t.Parallel()
	for name, coverage := range map[string]string{"the others serve": "no", "none serves": "yes"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			args := append([]string{"--cluster-node-timeout", "1000", "--cluster-require-full-coverage", coverage}, onDisk...)
			cluster, idp := redistest.StartCluster(t, args...), newApp(t, entratest.WithAccessTokenLifetime(shortLived))
			sites := []*site{newSite(t, idp, on(t, cluster)), newSite(t, idp, on(t, cluster))}
			browsers := make([]*browser, 12)
			for i := range browsers {
				browsers[i] = sites[i%2].browser()
				browsers[i].signIn(adele)
			}
			dead := masterOf(t, cluster, browsers[0])
			hit := make([]bool, len(browsers))
			for i, b := range browsers {
				hit[i] = masterOf(t, cluster, b) == dead
			}
			dead.Stop()
			var wait sync.WaitGroup
			for i, b := range browsers {
				crowd := 1
				if hit[i] { // so that failures come in rows
					crowd = 10
				}
				for range crowd {
					wait.Go(func() {
						served, refused := b.ask(3 * time.Second) // until the Cluster has noticed, and some time after
						if hit[i] && served != 0 || !hit[i] && refused != 0 && coverage == "no" {
							t.Errorf("held by the dead one: %v, served %d times, refused %d times", hit[i], served, refused)
						}
					})
				}
			}
			wait.Wait()
			dead.Restart()
			cluster.AwaitWhole()
			for _, b := range browsers {
				b.awaitStorage()
				if b.user() != adele || b.get("/token").body != adele {
					t.Errorf("after the outage: %q\n%s", b.user(), b.log)
				}
			}
		})
	}
}

// ask asks for a token again and again, and meets nothing worse than a 503.
func (b *browser) ask(during time.Duration) (served, refused int) {
	b.t.Helper()
	for until := time.Now().Add(during); time.Now().Before(until); <-time.After(50 * time.Millisecond) {
		switch a := b.get("/token"); {
		case a.StatusCode == http.StatusOK && a.body == adele:
			served++
		case a.unavailable():
			refused++
		default:
			b.t.Errorf("status %d, cookies %v\n%s", a.StatusCode, a.Cookies(), a.body)
		}
	}
	return served, refused
}

// masterOf is the master that holds a browser's session.
func masterOf(t *testing.T, r redistest.Redis, b *browser) *redistest.Server {
	t.Helper()
	name, _ := record.Name(b.session())
	for _, s := range r.Masters() {
		if len(recordsOfSessions(t, s.Keys())[name]) != 0 {
			return s
		}
	}
	t.Fatal("no master holds the session")
	return nil
}

// The app's Redis user needs what docs/production.md gives it, and nothing else: all
// that fibermsal does is done as that user (threat E8).
func TestE8_UserWithTheDocumentedRightsIsEnough(t *testing.T) {
	for name, start := range redistest.EachAlone(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t)
			rules, onACluster := documentedRules(t)
			if len(r.Masters()) > 1 {
				rules += " " + onACluster
			}
			createUser(t, rules, r.Masters()...)
			useEverything(t, onURL(t, r.URLAs("app", "app-password")))
			if left := recordsOfSessions(t, r.Keys()); len(left) != 0 {
				t.Errorf("left after the sign-out: %v", left)
			}
			assertNothingDenied(t, r.Masters()...)
			used := commandsOf(t, r)
			for _, command := range []string{"get", "set", "del", "pexpire"} {
				if used[command] == 0 {
					t.Errorf("%s was never needed", command)
				}
			}
			app := r.ConnectAs("app", "app-password")
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
		})
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
	s := newSite(t, newIDP(t, entratest.WithAccessTokenLifetime(shortLived)), on(t, server),
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
	if b.user() != "" || len(server.Keys()) != 2 { // the marker of the used response, and who holds which keys
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
	s, admin := newSite(t, idp, on(t, server)), server.Client()
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
	people := idp.Users() // of one, only so many sessions last
	for i := range users {
		s.browser().signIn(people[i%4].UPN)
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
		if strings.Contains(key, ":i:") {
			kind = "list"
		} else if _, after, ok := strings.Cut(key, "}:"); ok {
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
// else there is are the markers of used responses, and lists of sessions.
func recordsOfSessions(t *testing.T, keys []string) map[string][]string {
	t.Helper()
	records := map[string][]string{}
	for _, key := range keys {
		_, rest, tagged := strings.Cut(key, "{")
		name, _, closed := strings.Cut(rest, "}")
		switch {
		case strings.Contains(key, ":u:"), strings.Contains(key, ":i:"), strings.Contains(key, ":n:"):
		case tagged && closed && name != "":
			records[name] = append(records[name], key)
		default:
			t.Errorf("%s is neither of a session, nor a marker, nor a list, nor a mark", key)
		}
	}
	return records
}
