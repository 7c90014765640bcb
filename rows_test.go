package fibermsal_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/internal/record"
	"github.com/fibermsal/fibermsal/internal/redistest"
)

// Whoever can read the names of all keys of a Redis, those of other libraries included,
// learns nothing by sending them as a cookie.
func TestD3_NoKeyOfAPopulatedRedisIsASession(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	s := newSite(t, newIDP(t, withMail()), on(t, server))
	var browsers []*browser
	for _, login := range slices.Repeat([]string{adele, alex}, 10) {
		b := s.browser()
		b.signIn(login)
		browsers = append(browsers, b)
	}
	ctx, client := t.Context(), server.Client()
	for _, key := range []string{strings.Repeat("A", 43), "page_GET_body", "6a5a8f33-0d3c-4b21-8a7c-5e6b9f0c1d2e"} {
		if err := client.Set(ctx, key, `{"user":{"oid":"admin"}}`, time.Hour).Err(); err != nil {
			t.Fatal(err)
		}
	}
	for kind := range plantsOfD3 {
		plant(t, server, strings.Repeat(kind[:1], 43), kind)
	}
	var first string
	ask := func(value string) {
		t.Helper()
		r := request(http.MethodGet, "/guarded", "")
		r.Header.Set("Cookie", sessionCookie+"="+value)
		a := s.send(r)
		a.Header.Del("Date")
		seen := a.Header.Clone()
		var said strings.Builder
		_ = seen.Write(&said) // to memory
		body := said.String() + withoutCorrelationID(a.body)
		if first == "" {
			first = body
		}
		if a.StatusCode != http.StatusUnauthorized || body != first {
			t.Errorf("%s: status %d\n%s\nothers:\n%s", value, a.StatusCode, body, first)
		}
	}
	for _, key := range server.Keys() {
		ask(key)
		for part := range strings.FieldsFuncSeq(key, func(r rune) bool { return strings.ContainsRune(":{}", r) }) {
			ask(part)
			ask((part + strings.Repeat("A", 43))[:43]) // of the right size
		}
		for _, b := range browsers {
			if strings.Contains(key, b.session()[:20]) {
				t.Errorf("the key %s contains a cookie", key)
			}
		}
	}
	// An answer that depends on what is there would also take another number of commands.
	before := commands(t, server)
	for range 10 {
		ask("fm:" + strings.Repeat("A", 40))
	}
	if n := commands(t, server) - before; n != 0 {
		t.Errorf("%d commands for what cannot be an id", n)
	}
	if browsers[0].user() != adele || browsers[1].user() != alex {
		t.Error("somebody was signed out")
	}
}

var plantsOfD3 = map[string]bool{"hash": true, "set": true, "list": true, "zset": true}

// Each value in the storage is put at each other key, sessions, tokens, lists and marks.
func TestE2_NoValueOfTheStorageOpensAtAnotherKey(t *testing.T) {
	t.Parallel()
	server, idp := redistest.Start(t), newIDP(t, withMail())
	s := newSite(t, idp, on(t, server))
	mine, theirs := s.browser(), s.browser()
	mine.signIn(adele)
	theirs.signIn(alex)
	ctx, client := t.Context(), server.Client()
	values := make(map[string]string)
	for _, key := range server.Keys() {
		dump, err := client.Dump(ctx, key).Result()
		if err != nil {
			t.Fatal(err)
		}
		values[key] = dump
	}
	name, _ := record.Name(mine.session())
	session, jars := keyWith(t, server, "{"+name+"}:s"), []map[string]*http.Cookie{mine.jar, theirs.jar}
	for from, value := range values {
		for to := range values {
			if from == to || strings.Contains(to, ":u:") {
				continue
			}
			if _, err := client.Pipelined(ctx, func(p redis.Pipeliner) error {
				for key, dump := range values {
					p.RestoreReplace(ctx, key, time.Hour, dump)
				}
				p.RestoreReplace(ctx, to, time.Hour, value)
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			for i, who := range []string{adele, alex} {
				b := &browser{site: s, jar: jars[i]}
				for _, path := range []string{"/guarded", "/token"} {
					r := request(http.MethodGet, path, "")
					r.AddCookie(b.jar[sessionCookie])
					a := s.send(r)
					ok := a.StatusCode == http.StatusOK && strings.HasSuffix(a.body, who)
					if !ok && a.StatusCode != http.StatusUnauthorized || i == 0 && to == session && ok {
						t.Errorf("%s at %s: %s gets %d %s", from, to, who, a.StatusCode, a.body)
					}
				}
			}
		}
	}
	if n := strings.Count(s.log.String(), `"seal_mismatch"`); n < len(values)-1 {
		t.Errorf("audited %d times", n)
	}
}

// A list of sessions is bounded however often its user signs in, and forgets those that
// ended by themselves.
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

// Sign-ins of a browser whose other tabs keep on asking: each of them counts.
func TestD9_CallbacksLoseNothingToPollers(t *testing.T) {
	t.Parallel()
	server, idp := redistest.Start(t), newIDP(t)
	s, other := newSite(t, idp, on(t, server)), newSite(t, idp, on(t, server))
	b := s.browser()
	b.signIn(adele)
	var mu sync.Mutex
	current := b.jar[sessionCookie]
	ctx, stop := context.WithCancel(t.Context())
	var pollers sync.WaitGroup
	for i := range 4 {
		pollers.Go(func() {
			for ctx.Err() == nil {
				mu.Lock()
				cookie := current
				mu.Unlock()
				r := request(http.MethodGet, "/token", "")
				r.AddCookie(cookie)
				a := []*site{s, other}[i%2].send(r)
				mu.Lock()
				replaced := current != cookie
				mu.Unlock()
				if a.body != adele && a.StatusCode != http.StatusUnauthorized || a.StatusCode == http.StatusUnauthorized && !replaced {
					// The callback may have ended the session and not told the browser yet.
					r := request(http.MethodGet, "/user/info", "")
					r.AddCookie(cookie)
					if again := s.send(r); a.StatusCode != http.StatusUnauthorized || !strings.Contains(again.body, `"authenticated":false`) {
						t.Errorf("a poller gets %d %s", a.StatusCode, a.body)
					}
				}
			}
		})
	}
	lost := 0
	rounds := repeats(300)
	for range rounds {
		b.signIn(adele)
		mu.Lock()
		current = b.jar[sessionCookie]
		mu.Unlock()
		if b.user() != adele || b.get("/token").body != adele {
			lost++
		}
	}
	stop()
	pollers.Wait()
	if lost > 0 {
		t.Errorf("%d of %d sign-ins are lost", lost, rounds)
	}
	if n := len(recordsOfSessions(t, server.Keys())); n != 1 {
		t.Errorf("%d sessions are left", n)
	}
}
