package record_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/fibermsal/fibermsal/internal/record"
	"github.com/fibermsal/fibermsal/internal/sealed"
)

func ringOf(t *testing.T, letter byte) *sealed.Ring {
	t.Helper()
	secret := bytes.Repeat([]byte{letter}, sealed.KeySize)
	secret[0] = 1
	ring, err := sealed.NewRing([][]byte{secret}, "records")
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

// A process without the keys, or with another client ID, must be able to detect that there are
// sessions.
func TestSeals_AreSeenWithoutTheKeys(t *testing.T) {
	for name, start := range each(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			backend, _ := start(t)
			client := tag(t) + name // other tests may use the same Redis
			own := record.NewStore(backend, ringOf(t, 'a'), client)
			seals := record.SealsIn(own)
			if _, searchable := backend.(record.Searchable); seals.Kept() != searchable {
				t.Error("kept by a backend that cannot be searched, or the other way round")
			}
			if !seals.Kept() {
				if err := seals.Search(t.Context(), func(record.Stored) bool { return true }); !errors.Is(err, record.ErrNoSearch) {
					t.Error(err)
				}
				return
			}
			if err := own.Put(t.Context(), "session-of-"+name, record.Session, []byte("content"), time.Minute); err != nil {
				t.Fatal(err)
			}
			for i := range 2 { // the second is the same
				if err := seals.Announce(t.Context(), "https://"+client+".example/user/authorized"); err != nil {
					t.Fatal(i, err)
				}
			}
			other := record.NewStore(backend, ringOf(t, 'b'), client)
			foreign := record.NewStore(backend, ringOf(t, 'b'), client+" of another app")
			for what, s := range map[string]*record.Store{"other keys": other, "other client ID": foreign} {
				_, latest, err := record.SealsIn(s).Read(t.Context())
				want := record.Seal{Own: what == "other keys", KeyID: own.KeyIDs()[0], Origin: "https://" + client + ".example/user/authorized"}
				if n := len(slices.DeleteFunc(latest, func(seal record.Seal) bool { return seal != want })); err != nil || n != 1 || s.HasKey(want.KeyID) {
					t.Errorf("%s: %v, %d times in %+v", what, err, n, latest)
				}
				found := fmt.Sprint(findIn(t, s, "session-of-"+name))
				if found != fmt.Sprint(want.Own, want.KeyID) {
					t.Errorf("%s: found %s", what, found)
				}
			}
		})
	}
}

// findIn returns whether a session was found as an own one, and the ID of its key.
func findIn(t *testing.T, s *record.Store, name string) (own any, id any) {
	t.Helper()
	err := record.SealsIn(s).Search(t.Context(), func(stored record.Stored) bool {
		if stored.Name == name {
			own = stored.Own
			id, _ = sealed.KeyID(stored.Sealed)
		}
		return stored.Name != name
	})
	if err != nil {
		t.Error(err)
	}
	return own, id
}
