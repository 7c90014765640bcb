package fibermsal_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/internal/record"
	"github.com/fibermsal/fibermsal/internal/redistest"
)

// storages are the ways to keep sessions.
func storages(t *testing.T) map[string]func(*testing.T) func(*fibermsal.Config) {
	t.Helper()
	all := map[string]func(*testing.T) func(*fibermsal.Config){
		"memory": func(*testing.T) func(*fibermsal.Config) { return func(*fibermsal.Config) {} },
		"plain":  func(*testing.T) func(*fibermsal.Config) { return onLedger(newLedger()) },
	}
	for name, start := range redistest.Each(t) {
		all[name] = func(t *testing.T) func(*fibermsal.Config) { t.Helper(); return on(t, start(t)) }
	}
	return all
}

// A sign-in that is inside OnSignIn when EndSessions returns must not begin a session.
func TestD12_ASignInUnderWayIsEndedWithTheSessions(t *testing.T) {
	for name, storage := range storages(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			entered, leave := make(chan struct{}), make(chan struct{})
			var hold atomic.Bool
			idp := newApp(t, withMail())
			s := newSite(t, idp, storage(t), withHook(func(context.Context, *fibermsal.SignIn) error {
				if hold.Load() {
					entered <- struct{}{}
					<-leave
				}
				return nil
			}))
			first := s.browser()
			first.signIn(adele)
			tenant, id := userOf(t, first)
			for name, row := range map[string]struct {
				filter  func(arrived time.Time) fibermsal.SessionFilter
				refused bool
			}{
				"the user": {func(time.Time) fibermsal.SessionFilter {
					return fibermsal.SessionFilter{TenantID: tenant, UserID: id}
				}, true},
				"the user, until now": {func(time.Time) fibermsal.SessionFilter {
					return fibermsal.SessionFilter{TenantID: tenant, UserID: id, Before: time.Now()}
				}, true},
				"the mail address": {func(time.Time) fibermsal.SessionFilter {
					return fibermsal.SessionFilter{Mail: adele}
				}, true},
				"the tenant": {func(time.Time) fibermsal.SessionFilter { return fibermsal.SessionFilter{TenantID: tenant} }, true},
				"everybody":  {func(time.Time) fibermsal.SessionFilter { return fibermsal.SessionFilter{Before: time.Now()} }, true},
				"those before it arrived": {func(arrived time.Time) fibermsal.SessionFilter {
					return fibermsal.SessionFilter{TenantID: tenant, UserID: id, Before: arrived.Add(-time.Second)}
				}, false},
				"all before it arrived": {func(arrived time.Time) fibermsal.SessionFilter {
					return fibermsal.SessionFilter{Before: arrived.Add(-time.Second)}
				}, false},
				"another user": {func(time.Time) fibermsal.SessionFilter {
					return fibermsal.SessionFilter{TenantID: tenant, UserID: "00000000-0000-0000-0000-000000000009"}
				}, false},
				"another tenant": {func(time.Time) fibermsal.SessionFilter { return fibermsal.SessionFilter{TenantID: otherTenant} }, false},
			} {
				b := s.browser()
				response := b.approve(b.start(""), adele)
				hold.Store(true)
				arrived, answers := time.Now(), make(chan *answer)
				go func() { answers <- b.do(response.Request()) }()
				<-entered
				hold.Store(false)
				if _, err := s.auth.EndSessions(t.Context(), row.filter(arrived)); err != nil {
					t.Fatal(err)
				}
				leave <- struct{}{}
				a := <-answers
				if refused := a.StatusCode == http.StatusUnauthorized; refused != row.refused || refused == (b.session() != "") {
					t.Errorf("%s ended: status %d, session %v", name, a.StatusCode, b.session() != "")
				}
				if row.refused && (!strings.Contains(s.log.String(), "session_ended") || len(collect(t, s.auth, fibermsal.SessionFilter{TenantID: tenant, UserID: id})) > 0) {
					t.Errorf("%s ended: something is left", name)
				}
				if b.signIn(adele); b.user() != adele {
					t.Errorf("%s ended: the next sign-in fails as well", name)
				}
			}
		})
	}
}

func TestD12_NothingIsLeftOfASignInThatWasEnded(t *testing.T) {
	t.Parallel()
	server, idp := redistest.Start(t), newIDP(t)
	var end func()
	s := newSite(t, idp, on(t, server), withHook(func(context.Context, *fibermsal.SignIn) error { end(); return nil }))
	end = func() {
		if _, err := s.auth.EndSessions(t.Context(), fibermsal.SessionFilter{Before: time.Now()}); err != nil {
			t.Error(err)
		}
	}
	b := s.browser()
	a := b.do(b.approve(b.start("/guarded"), adele).Request())
	if a.StatusCode != http.StatusUnauthorized || !strings.Contains(a.body, "/user/login?") || len(b.jar) != 0 {
		t.Errorf("status %d, cookies %v\n%s", a.StatusCode, b.jar, a.body)
	}
	if left := recordsOfSessions(t, server.Keys()); len(left) != 0 {
		t.Errorf("records: %v", left)
	}
	for _, key := range server.Keys() { // the used state, the marks and the instance
		if !strings.Contains(key, ":u:") && !strings.Contains(key, ":n:{") && !strings.Contains(key, "{instances}") {
			t.Errorf("left: %s", key)
		}
	}
	server.Dump() // fails for keys without an end
}

func TestB9_ManySignInsOfOnePersonDoNotHideAnother(t *testing.T) {
	t.Parallel()
	ann, bob := person(1, "team@contoso.com"), person(2, "team@contoso.com")
	s := newSite(t, newIDP(t, withMail(), entratest.WithUsers(ann, bob)), func(cfg *fibermsal.Config) { cfg.MaxSessionsPerUser = 10 })
	first := s.browser()
	first.signIn(ann.UPN)
	for range 30 {
		s.browser().signIn(bob.UPN)
	}
	if u, err := s.auth.UserByMail(t.Context(), "team@contoso.com"); !errors.Is(err, fibermsal.ErrNoSession) {
		t.Errorf("one of two was chosen: %v, %v", u, err)
	}
	if n := len(collect(t, s.auth, fibermsal.SessionFilter{Mail: "Team@contoso.com"})); n != 11 {
		t.Errorf("%d sessions by mail", n)
	}
	if n, err := s.auth.EndSessions(t.Context(), fibermsal.SessionFilter{Mail: "team@contoso.com"}); n != 11 || err != nil || first.user() != "" {
		t.Errorf("%d ended, %v", n, err)
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

// Sessions that began earlier may all end later: where AbsoluteTimeout was shortened, or the
// clock of another instance is ahead. The new one has its place all the same.
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
				if life := server.Client().PTTL(t.Context(), key).Val(); life <= 0 || life > 24*time.Hour {
					t.Errorf("%s lives for %v", key, life)
				}
			}
			if n, err := s.auth.EndSessions(t.Context(), fibermsal.SessionFilter{Before: time.Now()}); n != 1 || err != nil || b.user() != "" {
				t.Errorf("%d ended: %v", n, err)
			}
		})
	}
}

// A Redis without memory cannot be told to refuse sign-ins that are under way, but it deletes:
// an operator who locks a user out must not be stopped by the one.
func TestD12_AFullRedisKeepsNoSessionFromEnding(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, "--maxmemory-policy", "noeviction")
	s := newSite(t, newApp(t, withMail()), on(t, server))
	for name, filter := range map[string]func(tenant, id string) fibermsal.SessionFilter{
		"a user": func(tenant, id string) fibermsal.SessionFilter {
			return fibermsal.SessionFilter{TenantID: tenant, UserID: id}
		},
		"a mail":    func(string, string) fibermsal.SessionFilter { return fibermsal.SessionFilter{Mail: adele} },
		"everybody": func(string, string) fibermsal.SessionFilter { return fibermsal.SessionFilter{Before: time.Now()} },
	} {
		b := s.browser()
		b.signIn(adele)
		tenant, id := userOf(t, b)
		_, heal := outOfMemory(t, server, nil)
		n, err := s.auth.EndSessions(t.Context(), filter(tenant, id))
		if n != 1 || !errors.Is(err, fibermsal.ErrUnavailable) {
			t.Errorf("%s: %d ended, %v", name, n, err)
		}
		if b.user() != "" {
			t.Errorf("%s: still signed in", name)
		}
		heal()
	}
}

func TestE13_AnotherAppOfTheSameRegistrationAcceptsNoSession(t *testing.T) {
	t.Parallel()
	const elsewhere = "https://admin.example"
	server, idp := redistest.Start(t), newIDP(t, withMail(), entratest.WithRedirectURI(elsewhere+"/user/authorized"))
	one := newSite(t, idp, on(t, server))
	two := newSite(t, idp, on(t, server), func(cfg *fibermsal.Config) { cfg.PublicURL = elsewhere },
		withHook(func(context.Context, *fibermsal.SignIn) error { return errors.New("nobody") }))
	prefixed := newSite(t, idp, on(t, server), func(cfg *fibermsal.Config) { cfg.RoutePrefix = "/other" })
	b := one.browser()
	b.signIn(adele)
	tenant, id := userOf(t, b)
	for name, s := range map[string]*site{"another origin": two, "another prefix": prefixed} {
		for _, path := range []string{"/guarded", "/token"} {
			r := request(http.MethodGet, path, "")
			r.AddCookie(b.jar[sessionCookie])
			if a := s.send(r); a.StatusCode != http.StatusUnauthorized {
				t.Errorf("%s, %s: status %d %s", name, path, a.StatusCode, a.body)
			}
		}
		if n := strings.Count(s.log.String(), "session_refused"); n != 1 || strings.Contains(s.log.String(), "seal_mismatch") {
			t.Errorf("%s: audited %d times\n%s", name, n, s.log)
		}
		if u, err := s.auth.UserByID(t.Context(), tenant, id); !errors.Is(err, fibermsal.ErrNoSession) {
			t.Errorf("%s, a worker: %v, %v", name, u, err)
		}
		if n, err := s.auth.EndSessions(t.Context(), fibermsal.SessionFilter{ID: collect(t, one.auth, fibermsal.SessionFilter{})[0].ID}); n != 0 || err != nil {
			t.Errorf("%s: %d ended, %v", name, n, err)
		}
		if report, err := s.auth.CleanSessions(t.Context(), fibermsal.CleanOptions{}); err != nil || report != (fibermsal.CleanReport{Alive: 1}) {
			t.Errorf("%s: %+v, %v", name, report, err)
		}
	}
	if b.user() != adele {
		t.Error("the first app's session ended")
	}
	if u, err := newSite(t, idp, on(t, server)).auth.UserByMail(t.Context(), adele); err != nil || u.ID != id {
		t.Errorf("a worker of the first app: %v", err)
	}
	spelled := newSite(t, idp, on(t, server), func(cfg *fibermsal.Config) { cfg.PublicURL = publicURL + ":443" })
	if _, err := spelled.auth.UserByMail(t.Context(), adele); err != nil {
		t.Errorf("an instance that spells the port of https: %v", err)
	}
	// A session of a version that did not record where it began.
	b.vault(server).rewriteSession(func(fields map[string]any) { delete(fields, "origin") })
	if b.user() != adele {
		t.Error("an earlier version's session ended")
	}
}

func TestB4_ATenantThatMayNoLongerSignInIsSignedOut(t *testing.T) {
	t.Parallel()
	bob := person(1, "bob@fabrikam.example")
	server := redistest.Start(t)
	idp := newIDP(t, withMail(), entratest.WithExtraTenant(otherTenant, bob))
	many := strings.Replace(idp.Authority, idp.TenantID, "organizations", 1)
	open := func(change func(*fibermsal.Config)) *site { return newSite(t, idp, on(t, server), change) }
	both := open(func(cfg *fibermsal.Config) {
		cfg.Authority, cfg.AllowedTenants = many, []string{idp.TenantID, otherTenant}
	})
	b, stays := both.browser(), both.browser()
	b.signIn(bob.UPN)
	stays.signIn(adele)
	for name, s := range map[string]*site{
		"removed":    open(func(cfg *fibermsal.Config) { cfg.Authority, cfg.AllowedTenants = many, []string{idp.TenantID} }),
		"one tenant": open(func(*fibermsal.Config) {}),
	} {
		for _, path := range []string{"/guarded", "/token"} {
			for range 2 {
				r := request(http.MethodGet, path, "")
				r.AddCookie(b.jar[sessionCookie])
				if a := s.send(r); a.StatusCode != http.StatusUnauthorized {
					t.Errorf("%s, %s: status %d %s", name, path, a.StatusCode, a.body)
				}
			}
		}
		if n := strings.Count(s.log.String(), "tenant_not_allowed"); n != 1 {
			t.Errorf("%s: audited %d times", name, n)
		}
		if u, err := s.auth.UserByID(t.Context(), otherTenant, bob.ID); !errors.Is(err, fibermsal.ErrNoSession) {
			t.Errorf("%s, a worker: %v, %v", name, u, err)
		}
		r := request(http.MethodGet, "/guarded", "")
		r.AddCookie(stays.jar[sessionCookie])
		if a := s.send(r); a.StatusCode != http.StatusOK {
			t.Errorf("%s: the other tenant: %d", name, a.StatusCode)
		}
		if n := len(collect(t, s.auth, fibermsal.SessionFilter{TenantID: otherTenant})); n != 1 {
			t.Errorf("%s: %d sessions are there to be ended", name, n)
		}
	}
	open(func(cfg *fibermsal.Config) { cfg.Authority, cfg.AnyTenantMaySignIn = many, true })
	if b.user() != bob.UPN {
		t.Error("the instance that allows the tenant refuses it")
	}
}

func TestD11_IdleSessionsEndOnAStorageThatKeepsEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLedger() // which ignores how long a value lives, as bbolt does
		s := newSite(t, newIDP(t), onLedger(l), func(cfg *fibermsal.Config) { cfg.IdleTimeout = time.Hour })
		used, idle := s.browser(), s.browser()
		used.signIn(adele)
		idle.signIn(adele)
		for range 5 {
			time.Sleep(50 * time.Minute)
			if used.user() != adele {
				t.Fatal("a session that is used ended")
			}
		}
		all := collect(t, s.auth, fibermsal.SessionFilter{})
		if len(all) != 1 || !all[0].IdleAt.Equal(time.Now().Add(time.Hour).Truncate(time.Millisecond)) || time.Since(all[0].LastSeenAt) > time.Second {
			t.Errorf("%+v", all)
		}
		restarted := newSite(t, s.idp, onLedger(l), func(cfg *fibermsal.Config) { cfg.IdleTimeout = time.Hour })
		idle.site, used.site = restarted, restarted
		if idle.user() != "" || used.user() != adele {
			t.Errorf("%q is signed in with the idle session, %q with the other", idle.user(), used.user())
		}
		if keys := l.keys(); len(keys) != 2 {
			t.Errorf("stored: %v", keys)
		}
	})
}

// Whatever is planted at a key, the user can sign in again and nobody else notices.
func TestE11_ValuesOfAnotherTypeAreNoOutage(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"hash", "set", "list", "zset", "stream"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			server, idp := redistest.Start(t), newIDP(t, withMail())
			s := newSite(t, idp, on(t, server))
			b, other := s.browser(), s.browser()
			b.signIn(adele)
			other.signIn(alex)
			tenant, id := userOf(t, b)
			name, _ := record.Name(other.session())
			for _, key := range server.Keys() {
				if !strings.Contains(key, name) && !strings.Contains(key, ":u:") {
					plant(t, server, key, kind)
				}
			}
			r := request(http.MethodGet, "/guarded", "")
			r.AddCookie(b.jar[sessionCookie])
			a := s.send(r)
			if c := a.cookie(sessionCookie); a.StatusCode != http.StatusUnauthorized || c == nil || c.Value != "" {
				t.Errorf("status %d, cookie %v\n%s", a.StatusCode, c, s.log)
			}
			if _, err := s.auth.UserByID(t.Context(), tenant, id); !errors.Is(err, fibermsal.ErrNoSession) {
				t.Errorf("a worker: %v", err)
			}
			if _, err := s.auth.CleanSessions(t.Context(), fibermsal.CleanOptions{}); err != nil {
				t.Errorf("cleaning: %v", err)
			}
			if b.signIn(adele); b.user() != adele || b.get("/token").body != adele || other.user() != alex || other.get("/token").body != alex {
				t.Error("not signed in again, or somebody else is not")
			}
			if n, err := s.auth.EndSessions(t.Context(), fibermsal.SessionFilter{TenantID: tenant, UserID: id}); n != 1 || err != nil {
				t.Errorf("%d ended, %v", n, err)
			}
			if (kind != "zset" && !strings.Contains(s.log.String(), "wrong_type")) || !strings.Contains(s.log.String(), "seal_mismatch") {
				t.Error("not audited")
			}
		})
	}
}

func TestE11_TokensOfAnotherTypeAskForASignIn(t *testing.T) {
	t.Parallel()
	server, idp := redistest.Start(t), newIDP(t)
	s := newSite(t, idp, on(t, server))
	b := s.browser()
	b.signIn(adele)
	name, _ := record.Name(b.session())
	plant(t, server, keyWith(t, server, "{"+name+"}:t"), "hash")
	if a := b.get("/token"); a.StatusCode != http.StatusUnauthorized || b.user() != adele {
		t.Errorf("status %d %s", a.StatusCode, a.body)
	}
	if b.signIn(adele); b.get("/token").body != adele {
		t.Error("signing in does not help")
	}
}

// plant puts a value of another type at a key.
func plant(t *testing.T, server *redistest.Server, key, kind string) {
	t.Helper()
	ctx, client := t.Context(), server.Client()
	err := client.Del(ctx, key).Err()
	switch kind {
	case "hash":
		err = errors.Join(err, client.HSet(ctx, key, "f", "v").Err())
	case "set":
		err = errors.Join(err, client.SAdd(ctx, key, "m").Err())
	case "list":
		err = errors.Join(err, client.RPush(ctx, key, "m").Err())
	case "zset":
		err = errors.Join(err, client.ZAdd(ctx, key, redis.Z{Score: 1, Member: "m"}).Err())
	case "stream":
		err = errors.Join(err, client.XAdd(ctx, &redis.XAddArgs{Stream: key, Values: []string{"f", "v"}}).Err())
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestE5_TokensOfANewerKeyAreNoAlarm(t *testing.T) {
	t.Parallel()
	server, idp := redistest.Start(t), newIDP(t, entratest.WithAccessTokenLifetime(shortLived))
	ring := func(keys ...byte) *site {
		return newSite(t, idp, on(t, server), func(cfg *fibermsal.Config) {
			cfg.Keys = nil
			for _, k := range keys {
				cfg.Keys = append(cfg.Keys, testKey(k))
			}
		})
	}
	old, ahead := ring(1), ring(2, 1)
	b := old.browser()
	b.signIn(adele)
	b.site = ahead
	if a := b.get("/token"); a.body != adele { // renewed, and sealed with the newer key
		t.Fatal(a.body)
	}
	name, _ := record.Name(b.session())
	key := keyWith(t, server, "{"+name+"}:t")
	before, err := server.Client().Get(t.Context(), key).Result()
	if err != nil {
		t.Fatal(err)
	}
	b.site = ring(1)
	if a := b.get("/token"); a.StatusCode != http.StatusUnauthorized || b.user() != adele {
		t.Errorf("status %d %s", a.StatusCode, a.body)
	}
	if said := b.log.String(); strings.Contains(said, "seal_mismatch") || !strings.Contains(said, "tokens sealed with a key that is not in Config.Keys") {
		t.Errorf("%s", said)
	}
	if after := server.Client().Get(t.Context(), key).Val(); after != before {
		t.Error("the record was changed")
	}
	if b.site = ahead; b.get("/token").body != adele {
		t.Error("the instance that holds the key does not open it any more")
	}
}

func TestG27_AKeptUserFindsTheSessionsThereAreNow(t *testing.T) {
	t.Parallel()
	server, idp := redistest.Start(t), newIDP(t, withMail(), entratest.WithAccessTokenLifetime(shortLived))
	s, worker := newSite(t, idp, on(t, server)), newSite(t, idp, on(t, server)).auth
	b := s.browser()
	b.signIn(adele)
	tenant, id := userOf(t, b)
	byID, err := worker.UserByID(t.Context(), tenant, id, "User.Read")
	if err != nil {
		t.Fatal(err)
	}
	byMail, err := worker.UserByMail(t.Context(), adele)
	if err != nil {
		t.Fatal(err)
	}
	expect := func(what string, want error) {
		t.Helper()
		for way, u := range map[string]*fibermsal.OfflineUser{"id": byID, "mail": byMail} {
			if owner, err := ownerOf(t, idp, u.TokenCredential()); !errors.Is(err, want) || (want == nil) != (owner == adele) {
				t.Errorf("%s, by %s: %q, %v", what, way, owner, err)
			}
		}
	}
	expect("at first", nil)
	b.do(request(http.MethodPost, "/user/logout", ""))
	expect("signed out", fibermsal.ErrNoSession)
	b.signIn(adele)
	expect("signed in again", nil)
	s.browser().signIn(alex)
	expect("somebody else as well", nil)
	idp.Revoke(adele)
	expect("revoked", fibermsal.ErrLoginRequired)
	s.browser().signIn(adele)
	expect("signed in elsewhere", nil)
	b.do(request(http.MethodPost, "/user/logout", ""))
	expect("the first session ended", nil)
}

// slowRedis makes each trip take a while, and counts those that are under way.
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

func TestD12_ManySessionsEndAtTheSameTimeAndAreCounted(t *testing.T) {
	c := newCrowd(t)
	c.grow(repeats(10_000))
	hook := &slowRedis{takes: time.Millisecond}
	slow := c.redis.Patient()
	slow.AddHook(hook)
	c.config.Storage = foreignStorage(slow)
	for what, work := range map[string]func(auth *fibermsal.Auth) error{
		"listing": func(auth *fibermsal.Auth) error {
			if n := len(collect(t, auth, fibermsal.SessionFilter{})); n != c.size {
				return fmt.Errorf("%d of %d", n, c.size)
			}
			return nil
		},
		"cleaning": func(auth *fibermsal.Auth) error {
			report, err := auth.CleanSessions(t.Context(), fibermsal.CleanOptions{})
			if err == nil && report != (fibermsal.CleanReport{Alive: c.size}) {
				err = fmt.Errorf("%+v", report)
			}
			return err
		},
	} {
		hook.most.Store(0)
		if err := work(c.open()); err != nil || hook.most.Load() < 2 || hook.most.Load() > 64 {
			t.Errorf("%s: %d at the same time, %v", what, hook.most.Load(), err)
		}
	}
	// The hundredth removal fails: what is counted has ended, and all else is there.
	var removals atomic.Int64
	hook.fail = func(cmd redis.Cmder) bool { return cmd.Name() == "del" && removals.Add(1) >= 100 }
	failing := c.open()
	ended, err := failing.EndSessions(t.Context(), fibermsal.SessionFilter{Before: time.Now()})
	if !errors.Is(err, fibermsal.ErrUnavailable) || ended != 99 {
		t.Errorf("%d ended, %v", ended, err)
	}
	if left := c.stored(); left != c.size-ended {
		t.Errorf("%d of %d are left, %d were ended", left, c.size, ended)
	}
	hook.fail = nil
	began := time.Now()
	rest, err := c.open().EndSessions(t.Context(), fibermsal.SessionFilter{Before: time.Now()})
	t.Logf("%d sessions ended in %v, %d at the same time", rest, time.Since(began).Round(time.Millisecond), hook.most.Load())
	if err != nil || c.stored() != 0 {
		t.Errorf("%d ended, %v; %d are left", rest, err, c.stored())
	}
}
