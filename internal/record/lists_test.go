package record_test

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/fibermsal/fibermsal/internal/record"
	"github.com/fibermsal/fibermsal/internal/redistest"
	"github.com/fibermsal/fibermsal/internal/sealed"
)

func newStore(tb testing.TB, b record.Backend, keys ...byte) *record.Store {
	tb.Helper()
	var secrets [][]byte
	for _, k := range keys {
		secrets = append(secrets, bytes.Repeat([]byte{k, k + 1}, sealed.KeySize/2))
	}
	ring, err := sealed.NewRing(secrets, "records")
	if err != nil {
		tb.Fatal(err)
	}
	return record.NewStore(b, ring, tb.Name()) // tests share servers
}

func TestLists_ReturnEnlistedNames(t *testing.T) {
	for name, start := range each(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, other := start(t)
			ctx, s, there := t.Context(), newStore(t, b, 1), newStore(t, other, 1)
			mail := record.NewLabel("mail", "t", "adele@x")
			adele, alex := record.NewLabel("user", "t", "adele"), record.NewLabel("user", "t", "alex")
			listed := func(label record.Label, want ...string) {
				t.Helper()
				if got, err := there.Listed(ctx, label); err != nil || !slices.Equal(got, want) {
					t.Errorf("listed %v, want %v: %v", got, want, err)
				}
			}
			enlist := func(name string, life time.Duration, labels ...record.Label) {
				t.Helper()
				if _, err := s.Enlist(ctx, name, time.Now().Add(life), 3, labels...); err != nil {
					t.Fatal(err)
				}
			}
			listed(adele)
			enlist("a1", time.Hour, adele)
			enlist("a2", 2*time.Hour, adele, mail)
			enlist("x1", time.Hour, alex)
			listed(adele, "a2", "a1")
			listed(mail, "a2")
			listed(record.NewLabel("mail", "t", "adele@"))
			listed(record.NewLabel("user", "tadele"))
			enlist("a1", 3*time.Hour, adele) // again, with a later expiry
			listed(adele, "a1", "a2")
			enlist("gone", time.Millisecond, adele)
			<-time.After(5 * time.Millisecond) // Redis has no virtual time
			listed(adele, "a1", "a2")
			if err := s.Delist(ctx, "a2", adele); err != nil {
				t.Error(err)
			}
			listed(adele, "a1")
			enlist("a3", 4*time.Hour, adele)
			enlist("a4", 5*time.Hour, adele)
			for range 2 { // again, as after a lost reply
				excess, err := s.Enlist(ctx, "a5", time.Now().Add(6*time.Hour), 3, adele, mail)
				if err != nil || !slices.Equal(excess, []string{"a1"}) {
					t.Errorf("too many: %v: %v", excess, err)
				}
			}
			listed(adele, "a5", "a4", "a3", "a1")
			if err := s.Delist(ctx, "a1", adele); err != nil {
				t.Error(err)
			}
			listed(adele, "a5", "a4", "a3")
			for i := range 5 { // other users with the same mail address
				if excess, err := s.Enlist(ctx, "x1", time.Now().Add(time.Hour), 3, record.NewLabel("user", "t", strconv.Itoa(i)), mail); err != nil || len(excess) > 0 {
					t.Errorf("too many: %v: %v", excess, err)
				}
			}
			var all []string
			for part := range s.Shards() {
				names, err := s.ListedIn(ctx, part)
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, names...)
			}
			slices.Sort(all)
			if want := []string{"a3", "a4", "a5", "x1"}; !slices.Equal(all, want) {
				t.Errorf("all %v, want %v", all, want)
			}
		})
	}
}

func TestE6_ListsSurviveARotationOfKeys(t *testing.T) {
	for name, start := range each(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, other := start(t)
			ctx, label := t.Context(), record.NewLabel("user", "t", "o")
			for name, keys := range map[string][]byte{"old": {1}, "appended": {1, 9}, "in front": {9, 1}} {
				if _, err := newStore(t, b, keys...).Enlist(ctx, name, time.Now().Add(time.Hour), 9, label); err != nil {
					t.Fatal(err)
				}
			}
			for keys, want := range map[string]int{"\x01\x09": 3, "\x09\x01": 3, "\x01": 2, "\x09": 1, "\x30": 0} {
				if got, err := newStore(t, other, []byte(keys)...).Listed(ctx, label); err != nil || len(got) != want {
					t.Errorf("keys %x: %v, %v", keys, got, err)
				}
			}
		})
	}
}

func TestE7_ListsRevealNoLabelsAndExpire(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	s := newStore(t, record.NewRedis(server.Connect(), nil), 1)
	for i := range 20 {
		if _, err := s.Enlist(t.Context(), strconv.Itoa(i), time.Now().Add(time.Hour), 9, record.NewLabel("mail", "tenant-id", "adele@contoso.com")); err != nil {
			t.Fatal(err)
		}
	}
	for _, key := range server.Keys() {
		if strings.Contains(key, "adele") || strings.Contains(key, "tenant-id") || strings.Contains(key, "all") {
			t.Errorf("%s reveals its label", key)
		}
		if life := server.Connect().PTTL(t.Context(), key).Val(); life <= 0 || life > time.Hour {
			t.Errorf("%s lives for %v", key, life)
		}
	}
}

// Sessions in the excess are signed out, so it must also be returned if Redis flushes its scripts
// between two commands of a pipeline.
func TestD12_ExcessIsReturnedAfterTheScriptWasFlushed(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).Patient()
	b := record.NewRedis(client, nil)
	enlist := func(name string) []string {
		t.Helper()
		excess, err := b.Enlist(t.Context(), name, time.Now().Add(time.Hour), record.List{Key: "user", Max: 1}, record.List{Key: "all"})
		if err != nil {
			t.Fatal(err)
		}
		return excess
	}
	enlist("a")
	client.AddHook(scriptFlusher{client})
	if excess := enlist("b"); !slices.Equal(excess, []string{"a"}) {
		t.Errorf("too many: %v", excess)
	}
	if all, err := b.Listed(t.Context(), "all"); err != nil || len(all) != 2 {
		t.Errorf("listed: %v, %v", all, err)
	}
}

// scriptFlusher flushes the scripts of Redis after the first command of a pipeline.
type scriptFlusher struct{ client redis.UniversalClient }

func (scriptFlusher) DialHook(next redis.DialHook) redis.DialHook { return next }

func (scriptFlusher) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }

func (f scriptFlusher) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if cmds[0].Name() != "evalsha" {
			return next(ctx, cmds)
		}
		first := next(ctx, cmds[:1])
		if err := f.client.ScriptFlush(ctx).Err(); err != nil {
			return err
		}
		return cmp.Or(first, next(ctx, cmds[1:]))
	}
}

func TestE12_NewestNameIsNotInTheExcess(t *testing.T) {
	for name, start := range each(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, _ := start(t)
			list := record.List{Key: t.Name(), Max: 2, Newest: true}
			for i, n := range []string{"later", "latest"} {
				if _, err := b.Enlist(t.Context(), n, time.Now().Add(time.Duration(2+i)*time.Hour), list); err != nil {
					t.Fatal(err)
				}
			}
			for _, row := range []struct {
				list record.List
				want []string
			}{
				{list, []string{"later"}},
				{record.List{Key: list.Key, Max: 1, Newest: true}, []string{"later", "latest"}},
				{record.List{Key: list.Key, Max: 2}, []string{"new"}},
			} {
				if got, err := b.Enlist(t.Context(), "new", time.Now().Add(time.Hour), row.list); err != nil || !slices.Equal(got, row.want) {
					t.Errorf("%+v: %v, %v", row.list, got, err)
				}
			}
		})
	}
}
