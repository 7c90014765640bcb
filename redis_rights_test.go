package fibermsal_test

import (
	"net/http"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/internal/redistest"
)

// documentedRules are the rules for the app's Redis user in docs/production.md, and the additional ones
// for a Cluster.
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

// The app's Redis user needs exactly the rights in docs/production.md. All functions of fibermsal are
// used with that user (threat E8).
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
			// go-redis sends its name and version, and accepts a refusal.
			if !strings.HasPrefix(entry.Object, "client|") {
				t.Errorf("denied: %s %q (%s)", entry.Reason, entry.Object, entry.Context)
			}
		}
	}
}

// useEverything signs a user in, renews tokens on two instances at the same time, so that the lock is
// used, prolongs the session and signs out.
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
			if a := sites[i%2].send(r); a.Text != adele {
				t.Errorf("token: status %d %s", a.StatusCode, a.Text)
			}
		})
	}
	wait.Wait()
	<-time.After(1100 * time.Millisecond) // a tenth of the idle time
	if b.user() != adele {
		t.Error("not signed in")
	}
	b.Send(request(http.MethodPost, "/user/logout", ""))
	if b.user() != "" {
		t.Error("signed in after the sign-out")
	}
	for _, s := range sites {
		if strings.Contains(s.log.String(), "NOPERM") {
			t.Errorf("Redis refused something:\n%s", s.log)
		}
	}
}
