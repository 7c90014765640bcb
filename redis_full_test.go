package fibermsal_test

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/internal/figure"
	"github.com/fibermsal/fibermsal/internal/redistest"
)

// The effect of a full Redis on sessions depends on its policy. With noeviction no confirmed sign-in is
// lost. The other policies evict any keys, so docs/production.md advises against them. Users are then
// signed out, but nothing worse happens.
func TestG5_PoliciesOfAFullRedis(t *testing.T) {
	t.Parallel()
	for policy, keeps := range map[string]bool{"noeviction": true, "volatile-lru": false, "allkeys-lru": false} {
		t.Run(policy, func(t *testing.T) {
			t.Parallel()
			server := redistest.Start(t, "--maxmemory-policy", policy)
			s := newSite(t, newRegistration(t), on(t, server), discardLog)
			people := s.idp.Users()
			warm := s.browser()
			warm.signIn(adele)
			room := int64(repeats(3 << 20)) // for a part of the sessions
			configure(t, server, "maxmemory", strconv.FormatInt(usedMemory(t, server)+room, 10))
			var acknowledged []*browser
			failed, deceived := 0, 0
			for i := range repeats(1000) {
				b := s.browser()
				// A user can have only a hundred sessions, which is not the subject of this test.
				user := people[i/90%len(people)].UPN
				a := b.Send(b.approve(b.start(""), user).Request())
				switch {
				case a.StatusCode == http.StatusSeeOther && b.session() != "":
					acknowledged = append(acknowledged, b)
				case a.StatusCode == http.StatusServiceUnavailable && b.session() == "":
					failed++
				default:
					deceived++
					t.Errorf("sign-in: status %d, session %q\n%s", a.StatusCode, b.session(), a.Text)
				}
			}
			lost := 0
			for _, b := range acknowledged {
				status, body := b.glance("/guarded", b.session())
				switch {
				case status == http.StatusOK && strings.HasPrefix(body, "hello "):
				case status == http.StatusUnauthorized:
					lost++
				default:
					t.Errorf("status %d %s", status, body)
				}
				if status, body := b.glance("/token", b.session()); status >= 500 {
					t.Errorf("token: status %d %s", status, body)
				}
			}
			t.Logf("%d acknowledged, %d refused, %d acknowledged and lost", len(acknowledged), failed, lost)
			if keeps {
				figure.Report(t, figure.Figure{Row: "R5", Name: "acknowledged sign-ins lost in a full Redis", Value: fmt.Sprintf("%d of %d", lost, len(acknowledged))})
				figure.Report(t, figure.Figure{Row: "R5", Name: "cookies given for sessions that are not stored", Value: strconv.Itoa(deceived)})
				figure.Report(t, figure.Figure{Row: "R5", Name: "sign-ins refused", Value: strconv.Itoa(failed)})
			}
			if keeps && (lost != 0 || failed == 0) {
				t.Errorf("%d acknowledged and lost, %d refused", lost, failed)
			}
			if !keeps && lost == 0 {
				t.Error("nothing was evicted: the test proves nothing")
			}
			for _, b := range acknowledged[:min(5, len(acknowledged))] { // while it is full
				cookie := b.session()
				if a := b.Send(request(http.MethodPost, "/user/logout", "")); a.StatusCode != http.StatusSeeOther {
					t.Errorf("sign-out: status %d %s", a.StatusCode, a.Text)
				}
				if status, _ := b.glance("/guarded", cookie); status != http.StatusUnauthorized {
					t.Errorf("after the sign-out: status %d", status)
				}
			}
		})
	}
}

func usedMemory(t *testing.T, server *redistest.Server) (used int64) {
	t.Helper()
	info := server.Client().InfoMap(t.Context(), "memory")
	if _, err := fmt.Sscan(info.Item("Memory", "used_memory"), &used); err != nil {
		t.Fatal(err)
	}
	return used
}

// The behaviour with noeviction that docs/production.md promises.
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
	if b.user() != adele || b.Get("/token").Text != adele {
		t.Errorf("who is signed in: %q\n%s", b.user(), s.log)
	}
	for name, key := range recordsOfSessions(t, server.Keys()) {
		if life := server.Client().PTTL(t.Context(), key[0]).Val(); life <= 8*time.Second {
			t.Errorf("%s lives for %v: not prolonged", name, life)
		}
	}
	for range 10 { // more than would trip the breaker, if a refusal were an outage
		a := newcomer.Send(newcomer.approve(newcomer.start(""), alex).Request())
		if a.StatusCode != http.StatusServiceUnavailable || newcomer.session() != "" {
			t.Errorf("a new sign-in: status %d, session %q", a.StatusCode, newcomer.session())
		}
	}
	if b.user() != adele {
		t.Error("a refused sign-in signed somebody else out")
	}
	b.Send(request(http.MethodPost, "/user/logout", ""))
	if b.user() != "" || len(server.Keys()) != 3 { // the marker of the used response, who holds which keys, and who sealed with which
		t.Errorf("after the sign-out: %v", server.Keys())
	}
	if err := server.Client().ConfigSet(t.Context(), "maxmemory", "0").Err(); err != nil {
		t.Fatal(err)
	}
	newcomer.signIn(alex)
}

// A Redis without memory cannot store that sign-ins in progress must be refused, but it can delete. An
// operator who locks a user out must still be able to end the sessions.
func TestD12_AFullRedisKeepsNoSessionFromEnding(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, "--maxmemory-policy", "noeviction")
	s := newSite(t, newRegistration(t, withMail()), on(t, server))
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
