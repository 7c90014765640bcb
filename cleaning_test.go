package fibermsal_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/internal/record"
	"github.com/fibermsal/fibermsal/internal/redistest"
	"github.com/fibermsal/fibermsal/internal/sealed"
)

// recordKey is the key of a browser's session record.
func recordKey(t *testing.T, b *browser) string {
	t.Helper()
	name, ok := record.SessionID(b.session())
	if !ok {
		t.Fatal("no session")
	}
	return "{" + name + "}:s"
}

func TestCleanSessions_RemovesLeftoversAndNothingElse(t *testing.T) {
	t.Parallel()
	server, idp := redistest.Start(t), newIDP(t)
	s := newSite(t, idp, on(t, server))
	other := newSite(t, idp, on(t, server), func(cfg *fibermsal.Config) { cfg.Keys = [][]byte{testKey(9)} })
	client, ctx := server.Client(), t.Context()
	var browsers []*browser
	for range 4 {
		b := s.browser()
		b.signIn(adele)
		browsers = append(browsers, b)
	}
	foreign := other.browser()
	foreign.signIn(alex)
	gone, corrupt := keyWith(t, server, recordKey(t, browsers[1])), keyWith(t, server, recordKey(t, browsers[2]))
	ciphertext, err := client.Get(ctx, corrupt).Bytes()
	if err != nil {
		t.Fatal(err)
	}
	ciphertext[len(ciphertext)-1] ^= 1
	if err := errors.Join(client.Del(ctx, gone).Err(), client.SetArgs(ctx, corrupt, ciphertext, redis.SetArgs{KeepTTL: true}).Err()); err != nil {
		t.Fatal(err)
	}
	// An instance that holds both keys would put it on the list of the first.
	ring, err := sealed.NewRing([][]byte{testKey(1)}, "records")
	if err != nil {
		t.Fatal(err)
	}
	name, _ := record.SessionID(foreign.session())
	if _, err := record.NewStore(record.NewRedis(client, nil), ring, idp.ClientID).Enlist(ctx, name, time.Now().Add(time.Hour), 0); err != nil {
		t.Fatal(err)
	}

	want := fibermsal.CleanReport{Alive: 2, Gone: 1, Corrupt: 1, Unreadable: 1}
	before := server.Keys()
	parts := 0
	report, err := s.auth.CleanSessions(ctx, fibermsal.CleanOptions{DryRun: true, RemoveUnreadable: true, Progress: func(done, of int, _ fibermsal.CleanReport) {
		if parts++; done != parts || done > of {
			t.Errorf("%d of %d parts", done, of)
		}
	}})
	if err != nil || report != want || !slices.Equal(server.Keys(), before) || parts < 100 {
		t.Errorf("a dry run: %+v, %v, %d parts", report, err, parts)
	}
	for i, want := range []fibermsal.CleanReport{want, {Alive: 2, Unreadable: 1}} {
		if report, err := s.auth.CleanSessions(ctx, fibermsal.CleanOptions{}); err != nil || report != want {
			t.Errorf("%d: %+v, %v", i, report, err)
		}
	}
	if browsers[0].user() != adele || browsers[3].user() != adele || foreign.user() != alex {
		t.Error("somebody was signed out")
	}
	if records := recordsOfSessions(t, server.Keys()); len(records) != 3 {
		t.Errorf("records of %d sessions, tokens of those that are gone included", len(records))
	}
	if report, err := s.auth.CleanSessions(ctx, fibermsal.CleanOptions{RemoveUnreadable: true}); err != nil || report != (fibermsal.CleanReport{Alive: 2, Unreadable: 1}) {
		t.Errorf("%+v, %v", report, err)
	}
	if foreign.user() != "" || browsers[0].user() != adele {
		t.Errorf("%q stays, %q was to", foreign.user(), browsers[0].user())
	}
}

func TestCleanSessions_CountsNothingThatRedisRefusedToRemove(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	s := newSite(t, newIDP(t), on(t, server))
	b := s.browser()
	b.signIn(adele)
	client := server.Client()
	err := errors.Join(client.Del(t.Context(), keyWith(t, server, recordKey(t, b))).Err(),
		client.ConfigSet(t.Context(), "min-replicas-to-write", "1").Err())
	if err != nil {
		t.Fatal(err)
	}
	report, err := s.auth.CleanSessions(t.Context(), fibermsal.CleanOptions{})
	if err == nil || report != (fibermsal.CleanReport{}) {
		t.Errorf("%+v, %v", report, err)
	}
}

func TestCleanSessions_OnAStorageThatIsNotRedis(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLedger() // which forgets nothing
		s := newSite(t, newIDP(t), onLedger(l), func(cfg *fibermsal.Config) { cfg.IdleTimeout, cfg.AbsoluteTimeout = time.Hour, time.Hour })
		s.browser().signIn(adele)
		time.Sleep(59 * time.Minute)
		b := s.browser()
		b.signIn(alex)
		if report, err := s.auth.CleanSessions(t.Context(), fibermsal.CleanOptions{}); err != nil || report != (fibermsal.CleanReport{Alive: 2}) {
			t.Errorf("%+v, %v", report, err)
		}
		b.Send(request(http.MethodPost, "/user/logout", ""))
		if report, err := s.auth.CleanSessions(t.Context(), fibermsal.CleanOptions{}); err != nil || report != (fibermsal.CleanReport{Alive: 1}) {
			t.Errorf("%+v, %v", report, err)
		}
		l.fail(true, true)
		if _, err := s.auth.CleanSessions(t.Context(), fibermsal.CleanOptions{}); !errors.Is(err, fibermsal.ErrUnavailable) {
			t.Errorf("storage down: %v", err)
		}
	})
}

func TestCleanSessions_EndsWithItsContext(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	s := newSite(t, newIDP(t), on(t, server))
	s.browser().signIn(adele)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.auth.CleanSessions(ctx, fibermsal.CleanOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
