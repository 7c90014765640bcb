package fibermsal_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/internal/browsertest"
	"github.com/fibermsal/fibermsal/internal/record"
	"github.com/fibermsal/fibermsal/internal/redistest"
)

// Each value in the storage is copied to every other key: sessions, tokens, lists and marks.
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
	name, _ := record.SessionID(mine.session())
	session, jars := keyWith(t, server, "{"+name+"}:s"), []browsertest.Jar{mine.Jar, theirs.Jar}
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
				for _, path := range []string{"/guarded", "/token"} {
					r := request(http.MethodGet, path, "")
					r.AddCookie(jars[i][sessionCookie])
					a := s.send(r)
					ok := a.StatusCode == http.StatusOK && strings.HasSuffix(a.Text, who)
					if (!ok && a.StatusCode != http.StatusUnauthorized) || i == 0 && to == session && ok {
						t.Errorf("%s at %s: %s gets %d %s", from, to, who, a.StatusCode, a.Text)
					}
				}
			}
		}
	}
	if n := strings.Count(s.log.String(), `"seal_mismatch"`); n < len(values)-1 {
		t.Errorf("audited %d times", n)
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
	if a := b.Get("/token"); a.Text != adele { // renewed, and sealed with the newer key
		t.Fatal(a.Text)
	}
	name, _ := record.SessionID(b.session())
	key := keyWith(t, server, "{"+name+"}:t")
	before, err := server.Client().Get(t.Context(), key).Result()
	if err != nil {
		t.Fatal(err)
	}
	b.site = ring(1)
	if a := b.Get("/token"); a.StatusCode != http.StatusUnauthorized || b.user() != adele {
		t.Errorf("status %d %s", a.StatusCode, a.Text)
	}
	if said := b.log.String(); strings.Contains(said, "seal_mismatch") || !strings.Contains(said, "tokens sealed with a key that is not in Config.Keys") {
		t.Errorf("%s", said)
	}
	if after := server.Client().Get(t.Context(), key).Val(); after != before {
		t.Error("the record was changed")
	}
	if b.site = ahead; b.Get("/token").Text != adele {
		t.Error("the instance that holds the key does not open it any more")
	}
}

// For any value that is planted at a key, the user can sign in again and other users are not affected.
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
			name, _ := record.SessionID(other.session())
			for _, key := range server.Keys() {
				if !strings.Contains(key, name) && !strings.Contains(key, ":u:") {
					plant(t, server, key, kind)
				}
			}
			r := request(http.MethodGet, "/guarded", "")
			r.AddCookie(b.Jar[sessionCookie])
			a := s.send(r)
			if c := a.Cookie(sessionCookie); a.StatusCode != http.StatusUnauthorized || c == nil || c.Value != "" {
				t.Errorf("status %d, cookie %v\n%s", a.StatusCode, c, s.log)
			}
			if _, err := s.auth.UserByID(t.Context(), tenant, id); !errors.Is(err, fibermsal.ErrNotSignedIn) {
				t.Errorf("a worker: %v", err)
			}
			if _, err := s.auth.CleanSessions(t.Context(), fibermsal.CleanOptions{}); err != nil {
				t.Errorf("cleaning: %v", err)
			}
			if b.signIn(adele); b.user() != adele || b.Get("/token").Text != adele || other.user() != alex || other.Get("/token").Text != alex {
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
	name, _ := record.SessionID(b.session())
	plant(t, server, keyWith(t, server, "{"+name+"}:t"), "hash")
	if a := b.Get("/token"); a.StatusCode != http.StatusUnauthorized || b.user() != adele {
		t.Errorf("status %d %s", a.StatusCode, a.Text)
	}
	if b.signIn(adele); b.Get("/token").Text != adele {
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
