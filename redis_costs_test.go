package fibermsal_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/internal/redistest"
)

// Reading the session takes one command, regardless of how often the handler uses it.
func TestRedis_CommandsOfARequest(t *testing.T) {
	for name, start := range redistest.EachAlone(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t)
			b := newSite(t, newRegistration(t), on(t, r)).browser()
			b.signIn(adele)
			b.Get("/token") // from the record, and remembered
			for path, want := range map[string]int{"/": 0, "/guarded": 1, "/user/info": 1, "/token": 1} {
				before := commands(t, r)
				b.Get(path)
				if got := commands(t, r) - before; got != want {
					t.Errorf("%s: %d commands, want %d", path, got, want)
				}
			}
		})
	}
}

func TestRedis_CommandsOfARequestOfASessionThatWasForgotten(t *testing.T) {
	t.Parallel()
	r := redistest.Start(t)
	s := newSite(t, newRegistration(t), on(t, r), func(cfg *fibermsal.Config) { cfg.IdleTimeout = 30 * time.Second })
	b := s.browser()
	b.signIn(adele)
	<-time.After(3100 * time.Millisecond) // more than a tenth of the idle time
	for i, want := range []int{3, 1, 1, 1, 1} {
		forgetSessions(s.auth)
		before := commands(t, r)
		b.Get("/guarded")
		if got := commands(t, r) - before; got != want {
			t.Errorf("request %d: %d commands, want %d", i+1, got, want)
		}
	}
}

func TestRedis_ColdTokenCostsTwoCommandsAndNoCallToEntra(t *testing.T) {
	for name, start := range redistest.EachAlone(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t)
			idp := newRegistration(t)
			b := newSite(t, idp, on(t, r)).browser()
			b.signIn(adele)
			idp.ResetRequests()
			b.site = newSite(t, idp, on(t, r)) // as after a restart
			b.Get("/guarded")                  // a new process prolongs the session once
			before := commands(t, r)
			if a := b.Get("/token"); a.Text != adele {
				t.Fatalf("%d %s", a.StatusCode, a.Text)
			}
			if got := commands(t, r) - before; got != 2 {
				t.Errorf("%d commands", got)
			}
			if n := len(idp.Requests()); n != 0 {
				t.Errorf("%d calls to Entra", n)
			}
		})
	}
}

// maxSignInCommands is the maximum number of commands in Redis for a sign-in, including those of
// scripts, as INFO counts them. They are for the marker of the used response, the two records, three
// for each list, one for the limit of sessions, and three for the marks. In an empty Redis the list of
// all sessions is new, which takes one more.
const maxSignInCommands = 16 + 1

// A sign-in of a user without a mail address, who is on three lists. One with a mail address costs four
// commands more.
func TestRedis_CommandsOfASignIn(t *testing.T) {
	t.Parallel()
	const signIns = 40
	server := redistest.Start(t)
	s := newSite(t, newIDP(t), on(t, server))
	s.browser().signIn(alex) // announces the instance, and the scripts are cached
	before := commandsOf(t, server)
	for range signIns {
		s.browser().signIn(alex)
	}
	sum, used := 0, commandsOf(t, server)
	for command := range used {
		used[command] -= before[command]
		sum += used[command]
	}
	t.Logf("%.2f commands of a sign-in, of %d: %v", float64(sum)/signIns, signIns, used)
	const pruning = "zremrangebyscore" // of one list in 16, at random
	if n := sum - used[pruning]; n > maxSignInCommands*signIns {
		t.Errorf("%d commands for %d sign-ins, want at most %d of each", n, signIns, maxSignInCommands)
	}
	if n := used[pruning]; n > signIns {
		t.Errorf("%d of %d lists were pruned", n, 3*signIns)
	}
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

// recordsOfSessions groups the keys that belong to sessions by their hash tag. The other keys are
// markers of used responses and lists of sessions.
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
