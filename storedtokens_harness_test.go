package fibermsal_test

import (
	"encoding/json"
	"maps"
	"strconv"
	"testing"
	"time"

	"github.com/fibermsal/fibermsal/internal/record"
	"github.com/fibermsal/fibermsal/internal/redistest"
	"github.com/fibermsal/fibermsal/internal/sealed"
)

// vault opens the records of an app with the app's keys.
type vault struct {
	t     *testing.T
	store *record.Store
	name  string
}

func (b *browser) vault(r redistest.Redis) *vault {
	b.t.Helper()
	ring, err := sealed.NewRing([][]byte{testKey(1)}, "records")
	if err != nil {
		b.t.Fatal(err)
	}
	name, ok := record.SessionID(b.session())
	if !ok {
		b.t.Fatal("nobody is signed in")
	}
	return &vault{b.t, record.NewStore(record.NewRedis(r.Patient(), nil), ring, b.idp.ClientID), name}
}

// accessTokens are the token entries of MSAL's cache.
func (v *vault) accessTokens() map[string]map[string]any {
	v.t.Helper()
	content, err := v.store.Get(v.t.Context(), v.name, record.Tokens)
	if err != nil {
		v.t.Fatal(err)
	}
	var cache struct{ AccessToken map[string]map[string]any }
	if err := json.Unmarshal(content, &cache); err != nil {
		v.t.Fatal(err)
	}
	return cache.AccessToken
}

// expire moves the end of all access tokens into the past, because a real Redis does not run in virtual
// time.
func (v *vault) expire() {
	v.t.Helper()
	ctx := v.t.Context()
	ciphertext, err := v.store.Sealed(ctx, v.name, record.Tokens)
	if err != nil {
		v.t.Fatal(err)
	}
	content, err := v.store.Open(v.name, record.Tokens, ciphertext)
	if err != nil {
		v.t.Fatal(err)
	}
	var cache map[string]map[string]map[string]any
	if err := json.Unmarshal(content, &cache); err != nil {
		v.t.Fatal(err)
	}
	for entry := range maps.Values(cache["AccessToken"]) {
		entry["expires_on"] = strconv.FormatInt(time.Now().Add(-time.Minute).Unix(), 10)
		entry["cached_at"] = strconv.FormatInt(time.Now().Add(-time.Hour).Unix(), 10)
	}
	if content, err = json.Marshal(cache); err != nil {
		v.t.Fatal(err)
	}
	if err := v.store.Swap(ctx, v.name, record.Tokens, ciphertext, content, time.Hour); err != nil {
		v.t.Fatal(err)
	}
}

// rewriteSession changes the fields of a session, as another version would write them.
func (v *vault) rewriteSession(change func(fields map[string]any)) {
	v.t.Helper()
	content, err := v.store.Get(v.t.Context(), v.name, record.Session)
	if err != nil {
		v.t.Fatal(err)
	}
	var fields map[string]any
	if err := json.Unmarshal(content, &fields); err != nil {
		v.t.Fatal(err)
	}
	change(fields)
	if content, err = json.Marshal(fields); err != nil {
		v.t.Fatal(err)
	}
	if err := v.store.Put(v.t.Context(), v.name, record.Session, content, time.Hour); err != nil {
		v.t.Fatal(err)
	}
}
