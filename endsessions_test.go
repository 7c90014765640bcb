package fibermsal_test

import (
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/internal/figure"
	"github.com/fibermsal/fibermsal/internal/redistest"
)

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
	// The hundredth removal fails. The sessions in the result have ended, and all others still exist.
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
	figure.Report(t, figure.Figure{Row: "D12", Name: "time to end all sessions", Value: fmt.Sprintf("%v, of %d", time.Since(began).Round(time.Millisecond), rest)})
	if err != nil || c.stored() != 0 {
		t.Errorf("%d ended, %v; %d are left", rest, err, c.stored())
	}
}

func TestD12_AUsersSessionsEndOnAllInstances(t *testing.T) {
	t.Parallel()
	server, idp := redistest.Start(t), newIDP(t)
	here, there := newSite(t, idp, on(t, server)), newSite(t, idp, on(t, server))
	admin := newSite(t, idp, on(t, server)).auth // a third instance
	var browsers []*browser
	for _, s := range []*site{here, there, here} {
		b := s.browser()
		b.signIn(adele)
		browsers = append(browsers, b)
	}
	other := there.browser()
	other.signIn(alex)
	tenant, id := userOf(t, browsers[0])
	if n := len(collect(t, admin, fibermsal.SessionFilter{TenantID: tenant, UserID: id})); n != 3 {
		t.Errorf("%d sessions listed", n)
	}
	ended, err := admin.EndSessions(t.Context(), fibermsal.SessionFilter{TenantID: tenant, UserID: id})
	if err != nil || ended != 3 {
		t.Fatalf("%d ended: %v", ended, err)
	}
	for i, b := range browsers {
		for _, s := range []*site{here, there} {
			b.site = s
			if a := b.Send(ways["fetch"]("/guarded")); a.StatusCode != http.StatusUnauthorized {
				t.Errorf("session %d: %d", i, a.StatusCode)
			}
		}
	}
	if other.user() != alex {
		t.Error("somebody else was signed out")
	}
	if left := collect(t, admin, fibermsal.SessionFilter{}); len(left) != 1 || left[0].User.Username != alex {
		t.Errorf("left: %v", left)
	}
}
