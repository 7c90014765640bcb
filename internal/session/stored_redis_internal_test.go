package session

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/fibermsal/fibermsal/internal/record"
	"github.com/fibermsal/fibermsal/internal/redistest"
	"github.com/fibermsal/fibermsal/internal/sealed"
	"github.com/fibermsal/fibermsal/internal/storedtest"
)

// newInheritedStore returns a Store with a Redis that contains the data of another version.
func newInheritedStore(t *testing.T, file *storedtest.RedisFile, backend record.Backend) *Store {
	t.Helper()
	ring, err := sealed.NewRing(file.Keys, "records")
	if err != nil {
		t.Fatal(err)
	}
	return NewStore(NewCache(1<<20), Options{
		Records: record.NewStore(backend, ring, file.ClientID), IdleTimeout: time.Hour, Log: slog.New(slog.DiscardHandler),
	})
}

func TestStored_SessionsOfEarlierVersionsBelongToTheirApp(t *testing.T) {
	t.Parallel()
	recorded := false
	for commit, file := range storedtest.Each[storedtest.RedisFile](t, "../..", storedtest.Redis) {
		store := newInheritedStore(t, file, nil)
		recorded = recorded || file.App != ""
		for _, e := range file.Entries {
			_, name, _ := strings.Cut(e.Key, "{")
			name, isSession := strings.CutSuffix(name, "}:"+string(record.Session))
			if !isSession {
				continue
			}
			if s, err := store.parse(name, e.Value); err != nil || s.Origin != file.App {
				t.Errorf("%s: %v, %v", commit, s, err)
			}
		}
	}
	if !recorded {
		t.Error("no file has sessions that belong to an app")
	}
}

// In a rolling deployment, an instance of one version ends sessions while sign-ins are in progress at
// an instance of the next version.
func TestStored_SignInsAreRefusedThatEarlierVersionsEnded(t *testing.T) {
	t.Parallel()
	server, marked := redistest.Start(t), false
	for commit, file := range storedtest.Each[storedtest.RedisFile](t, "../..", storedtest.Redis) {
		if file.Ended == nil {
			continue // the version did not let sign-ins under way know
		}
		marked = true
		start := time.Now() // of the marks, or just after
		file.Restore(t, server.Client())
		store := newInheritedStore(t, file, record.NewRedis(server.Patient(), nil))
		ended, elsewhere := file.Ended, strings.Repeat("f", 43) // in another shard
		for name, row := range map[string]struct {
			session string
			user    Identity
			began   time.Duration // ago
			refused bool
		}{
			"user":             {elsewhere, Identity{TenantID: ended.TenantID, ID: ended.UserID}, time.Second, true},
			"mail":             {elsewhere, Identity{TenantID: file.TenantID, ID: "another", Mail: ended.Mail}, time.Second, true},
			"tenant":           {ended.Session, Identity{TenantID: ended.TenantID, ID: "another"}, time.Second, true},
			"all":              {ended.Session, Identity{TenantID: file.TenantID, ID: "another"}, 2 * time.Minute, true},
			"all, but earlier": {ended.Session, Identity{TenantID: file.TenantID, ID: "another"}, time.Second, false},
			"others":           {elsewhere, Identity{TenantID: file.TenantID, ID: "another"}, 2 * time.Minute, false},
		} {
			row.user.ExpiresAt = time.Now().Add(time.Hour)
			err := store.create(t.Context(), &Creation{Session: &Session{ID: row.session, User: row.user}, Began: start.Add(-row.began)})
			if refused := errors.Is(err, errEndedMeanwhile); refused != row.refused || (!refused && err != nil) {
				t.Errorf("%s, %s: %v", commit, name, err)
			}
		}
	}
	if !marked {
		t.Error("no version has ended anything")
	}
}
