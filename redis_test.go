package fibermsal_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/internal/redistest"
)

func TestRedis_ASessionBelongsToAllInstances(t *testing.T) {
	for name, start := range redistest.Each(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t)
			idp := newRegistration(t, entratest.WithAccessTokenLifetime(shortLived))
			here, there := newSite(t, idp, on(t, r)), newSite(t, idp, on(t, r))
			browsers := make([]*browser, 12) // sessions on all masters
			for i := range browsers {
				browsers[i] = here.browser()
				browsers[i].signIn(adele)
			}
			assertSpread(t, r, idp, len(browsers))
			for _, b := range browsers {
				before := idp.Count(entratest.Token)
				if b.user() != adele || b.Get("/token").Text != adele {
					t.Errorf("here: %q\n%s", b.user(), here.log)
				}
				b.site = there
				if b.user() != adele || b.Get("/token").Text != adele {
					t.Errorf("the other instance: %q\n%s", b.user(), there.log)
				}
				if renewed := idp.Count(entratest.Token) - before; renewed != 2 {
					t.Errorf("%d renewals, want one here and one there", renewed)
				}
			}
			r.Dump() // fails for keys without an end

			for _, b := range browsers[1:] {
				b.Send(request(http.MethodPost, "/user/logout", ""))
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
			idp := newRegistration(t)
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
	b := newSite(t, newIDP(t), func(cfg *fibermsal.Config) {
		cfg.Storage, cfg.Keys = sessionStorage(storage), [][]byte{testKey(1)}
	}).browser()
	b.signIn(adele)
	if b.user() != adele {
		t.Error("not signed in")
	}
}
