package fibermsal_test

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/internal/redistest"
)

func TestTombstones_DoNotAliasTheRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLedger()
		s := newSite(t, newIDP(t), onLedger(l))
		ended, other := s.browser(), s.browser()
		ended.signIn(adele)
		other.signIn(alex)
		ids := map[string]string{}
		for _, info := range collect(t, s.auth, fibermsal.SessionFilter{}) {
			ids[info.User.Username] = info.ID
		}
		s.app.Get("/end/:id", func(c *fiber.Ctx) error {
			_, err := s.auth.EndSessions(context.Background(), fibermsal.SessionFilter{ID: c.Params("id")})
			return err
		})
		s.app.Get("/see/:id", func(c *fiber.Ctx) error { return c.SendString(c.Params("id")) })
		l.failDeletes(true) // as while Redis fails over to a replica
		s.send(request(http.MethodGet, "/end/"+ids[adele], ""))
		s.send(request(http.MethodGet, "/see/"+ids[alex], ""))
		if u := ended.user(); u != "" {
			t.Errorf("the ended session is alive: %q", u)
		}
		s.send(request(http.MethodGet, "/see/"+ids[alex], ""))
		l.failDeletes(false)
		time.Sleep(3 * time.Second)
		if ended.user() != "" || other.user() != alex {
			t.Errorf("afterwards %q and %q are signed in", ended.user(), other.user())
		}
	})
}

// A sign-in whose OnSignIn is still running when EndSessions returns must not begin a session.
func TestD12_ASignInUnderWayIsEndedWithTheSessions(t *testing.T) {
	for name, storage := range storages(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			entered, leave := make(chan struct{}), make(chan struct{})
			var hold atomic.Bool
			idp := newRegistration(t, withMail())
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
				filter   func(arrived time.Time) fibermsal.SessionFilter
				rejected bool
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
				go func() { answers <- b.Send(response.Request()) }()
				<-entered
				hold.Store(false)
				if _, err := s.auth.EndSessions(t.Context(), row.filter(arrived)); err != nil {
					t.Fatal(err)
				}
				leave <- struct{}{}
				a := <-answers
				if rejected := a.StatusCode == http.StatusUnauthorized; rejected != row.rejected || rejected == (b.session() != "") {
					t.Errorf("%s ended: status %d, session %v", name, a.StatusCode, b.session() != "")
				}
				if row.rejected && (!strings.Contains(s.log.String(), "session_ended") || len(collect(t, s.auth, fibermsal.SessionFilter{TenantID: tenant, UserID: id})) > 0) {
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
	a := b.Send(b.approve(b.start("/guarded"), adele).Request())
	if a.StatusCode != http.StatusUnauthorized || !strings.Contains(a.Text, "/user/login?") || b.session() != "" {
		t.Errorf("status %d, cookies %v\n%s", a.StatusCode, b.Jar, a.Text)
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
