package fibermsal_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/internal/flow"
	"github.com/fibermsal/fibermsal/internal/record"
	"github.com/fibermsal/fibermsal/internal/redistest"
	"github.com/fibermsal/fibermsal/internal/sealed"
	"github.com/fibermsal/fibermsal/internal/storedtest"
)

// hundredYears is longer than the files will be used.
const hundredYears = 100 * 365 * 24 * time.Hour

// storedKeys are the keys of the first of two instances, between which a key is being replaced.
func storedKeys() [][]byte { return [][]byte{[]byte(storedKey), testKey(2)} }

// newRedisIDP makes the emulator for the sessions in Redis, whose tokens do not expire.
func newRedisIDP(t *testing.T) *entratest.Server {
	t.Helper()
	return newIDP(t, withMail(), entratest.WithAccessTokenLifetime(hundredYears), entratest.WithAppPermissions("User.Read.All"))
}

// onStored keeps sessions on a Redis with the stored keys, from the given one on.
func onStored(t *testing.T, server *redistest.Server, keys ...[]byte) func(*fibermsal.Config) {
	t.Helper()
	return func(cfg *fibermsal.Config) {
		on(t, server)(cfg)
		cfg.Keys, cfg.AbsoluteTimeout = keys, hundredYears
	}
}

// recordRedis has two instances sign users in, and returns what is then in Redis.
func recordRedis(t *testing.T) *storedtest.RedisFile {
	t.Helper()
	server, idp, keys := redistest.Start(t), newRedisIDP(t), storedKeys()
	here := newSite(t, idp, onStored(t, server, keys...))
	there := newSite(t, idp, onStored(t, server, keys[1], keys[0]))
	f := &storedtest.RedisFile{ClientID: idp.ClientID, TenantID: idp.TenantID, Keys: keys, App: redirectURI}
	for _, user := range []string{adele, alex, adele} {
		s := here
		if user == alex {
			s = there
		}
		b := s.browser()
		authorize := b.start("")
		response := b.approve(authorize, user)
		b.Send(response.Request())
		known, _ := idp.User(user)
		attempt, ok := jarOf(t, idp, "form_post", keys...).Open(state(t, authorize), flow.Browser{}, nil)
		if !ok {
			t.Fatal("the attempt does not open")
		}
		f.Redeemed = attempt.ID()
		f.Sessions = append(f.Sessions, storedtest.RedisSession{
			Cookie: b.session(), UPN: user, UserID: known.ID, Mail: known.Mail, EntraID: response.Values.Get("session_state"),
		})
	}
	if _, err := here.auth.AppCredential().GetToken(t.Context(), tokenRequest()); err != nil {
		t.Fatal(err)
	}
	store := storeOf(t, server, idp.ClientID, keys)
	f.Locked, _ = record.SessionID(f.Sessions[0].Cookie)
	release, err := store.Lock(t.Context(), f.Locked)
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	f.Ended = endForRecord(t, here.auth)
	f.Entries = storedtest.Dump(t, server.Client(), slices.DeleteFunc(server.Keys(), func(key string) bool {
		return strings.Contains(key, ":n:") && !strings.Contains(key, tagOfShard(f.Ended.Session)) && !marksOneLabel(key, f)
	}))
	f.Instances = renameInstances(f.Entries)
	return f
}

func storeOf(t *testing.T, server *redistest.Server, clientID string, keys [][]byte) *record.Store {
	t.Helper()
	ring, err := sealed.NewRing(keys, "records")
	if err != nil {
		t.Fatal(err)
	}
	return record.NewStore(record.NewRedis(server.Patient(), nil), ring, clientID)
}

// endForRecord ends sessions of users who have none, in each way that refuses sign-ins under way.
func endForRecord(t *testing.T, auth *fibermsal.Auth) *storedtest.Ended {
	t.Helper()
	ended := &storedtest.Ended{
		UserID: "00000000-0000-0000-0000-000000000001", Mail: "ended@contoso.com", TenantID: "00000000-0000-0000-0000-000000000002",
		Session: strings.Repeat("e", 43),
	}
	for _, filter := range []fibermsal.SessionFilter{
		{TenantID: ended.TenantID, UserID: ended.UserID},
		{Mail: ended.Mail},
		{TenantID: ended.TenantID},
		{Before: time.Now().Add(-time.Minute)}, // before the sessions that were recorded
	} {
		if n, err := auth.EndSessions(context.Background(), filter); err != nil || n != 0 {
			t.Fatalf("%+v: %d, %v", filter, n, err)
		}
	}
	return ended
}

// tagOfShard returns the slot tag of the shard that contains a session. Ending all sessions of a
// tenant marks all 256 shards, which are too many for a file.
func tagOfShard(session string) string {
	sum := sha256.Sum256([]byte(session))
	return tagOf(record.NewLabel("all", hex.EncodeToString(sum[:1])))
}

func tagOf(label record.Label) string {
	sum := sha256.Sum256(label)
	return "{" + hex.EncodeToString(sum[:2]) + "}"
}

func marksOneLabel(key string, f *storedtest.RedisFile) bool {
	return strings.Contains(key, tagOf(record.NewLabel("user", f.Ended.TenantID, f.Ended.UserID))) ||
		strings.Contains(key, tagOf(record.NewLabel("mail", f.TenantID, f.Ended.Mail)))
}

var hostName = regexp.MustCompile(`^[^/]*/`)

// renameInstances replaces the name of the machine in the announcements, and returns the names of
// the instances.
func renameInstances(entries []storedtest.RedisEntry) (names []string) {
	for _, e := range entries {
		if !strings.HasSuffix(e.Key, "{instances}") {
			continue
		}
		members := make(map[string]float64)
		for announcement, until := range e.Members {
			announcement = hostName.ReplaceAllString(announcement, "app/")
			members[announcement] = until + float64(hundredYears.Milliseconds())
			name, _, _ := strings.Cut(announcement, " ")
			names = append(names, name)
		}
		clear(e.Members)
		maps.Copy(e.Members, members)
	}
	return names
}
