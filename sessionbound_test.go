package fibermsal_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/internal/redistest"
)

func TestE12_OneUserHasBoundedSessions(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	s := newSite(t, newIDP(t), on(t, server))
	admin := s.auth
	first := s.browser()
	first.signIn(adele)
	tenant, id := userOf(t, first)
	const signIns = 130 // the bound is 100
	for range signIns {
		s.browser().signIn(adele)
	}
	if n := len(collect(t, admin, fibermsal.SessionFilter{TenantID: tenant, UserID: id})); n != 100 {
		t.Errorf("%d sessions", n)
	}
	if first.user() != "" {
		t.Error("the oldest session lives, and nobody could end it")
	}
	server.Dump() // fails for keys without an end
	if records := recordsOfSessions(t, server.Keys()); len(records) != 100 {
		t.Errorf("records of %d sessions", len(records))
	}
}

func TestE12_TheBoundIsConfigured(t *testing.T) {
	t.Parallel()
	server, idp := redistest.Start(t), newIDP(t, withMail())
	bounded := func(most int) *site {
		return newSite(t, idp, on(t, server), func(cfg *fibermsal.Config) { cfg.MaxSessionsPerUser = most })
	}
	s := bounded(7)
	for range 9 {
		s.browser().signIn(adele)
	}
	if n := len(recordsOfSessions(t, server.Keys())); n != 7 {
		t.Errorf("%d sessions", n)
	}
	s = bounded(2)
	s.browser().signIn(adele)
	if n := len(recordsOfSessions(t, server.Keys())); n != 2 {
		t.Errorf("%d sessions after the bound was lowered", n)
	}
	for _, key := range server.Keys() {
		if n := server.Client().ZCard(t.Context(), key).Val(); n > 2 && !strings.Contains(key, "{instances}") {
			t.Errorf("%s has %d names", key, n)
		}
	}
}

// All earlier sessions may end later than the new one, because AbsoluteTimeout was shortened or the
// clock of another instance is ahead. The new session must be kept nevertheless.
func TestE12_ANewSessionIsNotTheOneTooMany(t *testing.T) {
	for name, start := range redistest.Each(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			idp, stored := newIDP(t), on(t, start(t))
			lasting := func(absolute time.Duration) *site {
				return newSite(t, idp, stored, func(cfg *fibermsal.Config) {
					cfg.MaxSessionsPerUser, cfg.IdleTimeout, cfg.AbsoluteTimeout = 1, time.Hour, absolute
				})
			}
			old, b := lasting(24*time.Hour).browser(), lasting(8*time.Hour).browser()
			old.signIn(adele)
			b.signIn(adele)
			if b.user() != adele || old.user() != "" {
				t.Errorf("the new session is of %q, the old one of %q", b.user(), old.user())
			}
		})
	}
}

// Sessions that ended by their idle timeout stay listed until their absolute one.
func TestE12_AnIdleSessionTakesNoPlaceOfALivingOne(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	s := newSite(t, newIDP(t), on(t, server), func(cfg *fibermsal.Config) { cfg.MaxSessionsPerUser = 2 })
	kept, idle, next := s.browser(), s.browser(), s.browser()
	kept.signIn(adele)
	idle.signIn(adele)
	for _, key := range keysOfSession(t, server, idle.session()) { // its idle timeout
		server.Client().Del(t.Context(), key)
	}
	next.signIn(adele)
	if kept.user() != adele || next.user() != adele {
		t.Errorf("%q %q", kept.user(), next.user())
	}
}

func TestE12_SigningInAgainInABrowserEndsNoOtherSession(t *testing.T) {
	t.Parallel()
	s := newSite(t, newIDP(t))
	first, last := s.browser(), s.browser()
	first.signIn(adele)
	tenant, id := userOf(t, first)
	for range 98 {
		s.browser().signIn(adele)
	}
	for range 3 {
		last.signIn(adele) // the hundredth, and twice in its place
	}
	if first.user() != adele || last.user() != adele {
		t.Errorf("%q is signed in with the oldest session, and %q with the newest", first.user(), last.user())
	}
	if n := len(collect(t, s.auth, fibermsal.SessionFilter{TenantID: tenant, UserID: id})); n != 100 {
		t.Errorf("%d sessions", n)
	}
	if s.browser().signIn(adele); first.user() != "" {
		t.Error("the oldest of 101 lives")
	}
}

func TestE12_SessionsThatWereReplacedDoNotCount(t *testing.T) {
	t.Parallel()
	s := newSite(t, newIDP(t))
	quiet, busy := s.browser(), s.browser()
	quiet.signIn(adele)
	for i := range 130 {
		busy.signIn([]string{adele, alex}[i%10/9]) // also somebody else, for a while
	}
	if quiet.user() != adele {
		t.Error("a second browser ended the session of the first")
	}
}

// repeating is a connection that loses the first reply to a pipeline with scripts: go-redis
// sends it again.
type repeating struct{}

func (repeating) DialHook(next redis.DialHook) redis.DialHook { return next }

func (repeating) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }

func (repeating) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if slices.ContainsFunc(cmds, func(c redis.Cmder) bool { return c.Name() == "evalsha" }) {
			_ = next(ctx, cmds) // the reply that is lost
		}
		return next(ctx, cmds)
	}
}

func TestG7_ALostReplyKeepsNobodyBeyondTheBound(t *testing.T) {
	t.Parallel()
	server, idp := redistest.Start(t), newIDP(t)
	client := server.Patient()
	client.AddHook(repeating{})
	s := newSite(t, idp, func(cfg *fibermsal.Config) {
		cfg.Storage, cfg.Keys = foreignStorage(client), [][]byte{testKey(1)}
	})
	first := s.browser()
	first.signIn(adele)
	for range 102 {
		s.browser().signIn(adele)
	}
	if first.user() != "" {
		t.Error("the oldest of 103 lives")
	}
	if n := len(recordsOfSessions(t, server.Keys())); n != 100 {
		t.Errorf("%d sessions", n)
	}
}

func TestE12_ListsOutliveAClockOfRedisThatIsWrong(t *testing.T) {
	t.Parallel()
	for name, ahead := range map[string]time.Duration{"ahead": 48 * time.Hour, "behind": -48 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, idp := redistest.StartAhead(t, ahead), newIDP(t, withMail())
			s := newSite(t, idp, on(t, server))
			b := s.browser()
			b.signIn(adele)
			tenant, id := userOf(t, b)
			all := collect(t, s.auth, fibermsal.SessionFilter{TenantID: tenant, UserID: id})
			if len(all) != 1 || time.Until(all[0].IdleAt).Round(time.Hour) != 8*time.Hour {
				t.Errorf("of the user: %+v", all)
			}
			if u, err := s.auth.UserByMail(t.Context(), adele); err != nil || u.ID != id {
				t.Errorf("by mail: %v", err)
			}
			for _, key := range server.Keys() {
				most := 24 * time.Hour
				if key == "fm:i:{instances}" { // the keys of instances, and no session
					most = 90 * 24 * time.Hour
				}
				if life := server.Client().PTTL(t.Context(), key).Val(); life <= 0 || life > most {
					t.Errorf("%s lives for %v", key, life)
				}
			}
			if n, err := s.auth.EndSessions(t.Context(), fibermsal.SessionFilter{Before: time.Now()}); n != 1 || err != nil || b.user() != "" {
				t.Errorf("%d ended: %v", n, err)
			}
		})
	}
}

// A list of sessions is limited regardless of how often its user signs in, and expired sessions are
// removed from it.
func TestE12_ListsNeitherGrowNorRot(t *testing.T) {
	t.Parallel()
	server, idp := redistest.Start(t), newIDP(t, withMail())
	s := newSite(t, idp, on(t, server))
	client, ctx := server.Client(), t.Context()
	signIns := repeats(10_000)
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			for range signIns / 4 {
				s.browser().signIn(adele)
			}
		})
	}
	wait.Wait()
	s.browser().signIn(adele) // removes what the last at the same time left to each other
	sizes := func() (most int64) {
		for _, key := range server.Keys() {
			if strings.Contains(key, ":i:") && !strings.Contains(key, "{instances}") {
				most = max(most, client.ZCard(ctx, key).Val())
			}
		}
		return most
	}
	if n := sizes(); n > 100 {
		t.Errorf("a list of %d names after %d sign-ins", n, signIns)
	}
	all := collect(t, s.auth, fibermsal.SessionFilter{Mail: adele})
	if len(all) != 100 {
		t.Errorf("%d sessions", len(all))
	}
	for i, info := range all { // half of them end by themselves
		if i%2 == 0 {
			if err := client.Del(ctx, keyWith(t, server, "{"+info.ID+"}:s")).Err(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := s.auth.UserByMail(ctx, adele); err != nil {
		t.Error(err)
	}
	if _, err := s.auth.CleanSessions(ctx, fibermsal.CleanOptions{}); err != nil {
		t.Error(err)
	}
	fewest := int64(1000)
	for _, key := range server.Keys() {
		if n := client.ZCard(ctx, key).Val(); n >= 40 { // of the mail address, and of the user
			fewest = min(fewest, n)
		}
	}
	if fewest != 50 {
		t.Errorf("the shortest list of all sessions has %d names", fewest)
	}
}
