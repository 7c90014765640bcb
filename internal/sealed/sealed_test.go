package sealed_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/fibermsal/fibermsal/internal/sealed"
)

func ring(tb testing.TB, keys ...byte) *sealed.Ring {
	tb.Helper()
	var secrets [][]byte
	for _, k := range keys {
		secrets = append(secrets, bytes.Repeat([]byte{k, k + 1}, sealed.KeySize/2))
	}
	r, err := sealed.NewRing(secrets, "test")
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

func TestRing_OpensWhatAnyOfItsKeysSealed(t *testing.T) {
	t.Parallel()
	here := sealed.Context("cookie", "name")
	old, both, flipped, other := ring(t, 1), ring(t, 1, 9), ring(t, 9, 1), ring(t, 20)
	ciphertext := old.Seal([]byte("content"), here)
	for name, r := range map[string]*sealed.Ring{"old": old, "both": both, "flipped": flipped} {
		if got, err := r.Open(ciphertext, here); err != nil || string(got) != "content" {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	if _, err := other.Open(ciphertext, here); !errors.Is(err, sealed.ErrUnknownKey) {
		t.Errorf("without the key: %v", err)
	}
	if _, err := old.Open(flipped.Seal([]byte("x"), here), here); !errors.Is(err, sealed.ErrUnknownKey) {
		t.Errorf("a newer key: %v", err)
	}
}

func TestRing_BoxesAreBoundToTheirPlace(t *testing.T) {
	t.Parallel()
	r := ring(t, 1)
	ciphertext := r.Seal([]byte("content"), sealed.Context("a", "bc"))
	for _, elsewhere := range [][]byte{sealed.Context("ab", "c"), sealed.Context("a", "b", "c"), sealed.Context("abc"), sealed.Context(), nil} {
		if _, err := r.Open(ciphertext, elsewhere); !errors.Is(err, sealed.ErrCorrupt) {
			t.Errorf("%q: %v", elsewhere, err)
		}
	}
	if len(ciphertext) != len("content")+sealed.Overhead {
		t.Errorf("a ciphertext of %d bytes", len(ciphertext))
	}
}

// Tokens are packed before they are sealed. Both formats open, in the place that they were sealed for.
func TestRing_PackedContentOpens(t *testing.T) {
	t.Parallel()
	r, here := ring(t, 1, 9), sealed.Context("record", "t")
	for name, content := range map[string]string{"short": "x", "text": strings.Repeat("a text. ", 100), "token": strings.Repeat("eyJh", 200)} {
		ciphertext := r.SealPacked([]byte(content), here)
		if got, err := ring(t, 1).Open(ciphertext, here); err != nil || string(got) != content {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		if most := len(content) + sealed.Overhead; len(ciphertext) > most || (len(content) > 100 && len(ciphertext) > most*4/5) {
			t.Errorf("%s: %d bytes of %d", name, len(ciphertext), len(content))
		}
		if id, ok := sealed.KeyID(ciphertext); !ok || id != r.IDs()[0] {
			t.Errorf("%s: key %q", name, id)
		}
		if _, err := r.Open(ciphertext, sealed.Context("record", "s")); !errors.Is(err, sealed.ErrCorrupt) {
			t.Errorf("%s: elsewhere: %v", name, err)
		}
		for version := range 4 { // the format is authenticated, too
			changed := append([]byte{byte(version)}, ciphertext[1:]...)
			if _, err := r.Open(changed, here); (err == nil) != (ciphertext[0] == changed[0]) {
				t.Errorf("%s: as version %d: %v", name, version, err)
			}
		}
	}
}

// A ciphertext of a later format is not removed, because another instance may already run the next
// release.
func TestRing_LaterFormatsAreUnknown(t *testing.T) {
	t.Parallel()
	r, here := ring(t, 1), sealed.Context("x")
	later := r.Seal([]byte("content"), here)
	later[0] = 3
	if _, err := r.Open(later, here); !errors.Is(err, sealed.ErrUnknownKey) {
		t.Error(err)
	}
	if _, ok := sealed.KeyID(later); ok {
		t.Error("its key is known")
	}
}

func TestRing_KeysHaveOneSize(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 16, 31, 33, 64} {
		if _, err := sealed.NewRing([][]byte{make([]byte, size)}, "test"); err == nil {
			t.Errorf("a key of %d bytes was accepted", size)
		}
	}
	if _, err := sealed.NewRing(nil, "test"); err == nil {
		t.Error("a ring without keys was accepted")
	}
}

func FuzzOpen(f *testing.F) {
	r := ring(f, 1)
	here := sealed.Context("x")
	valid := r.Seal([]byte("content"), here)
	f.Add(valid)
	f.Add(r.SealPacked(bytes.Repeat([]byte("content"), 100), sealed.Context("y")))
	f.Add([]byte{})
	f.Add(bytes.Repeat([]byte{1}, 64))
	f.Fuzz(func(t *testing.T, ciphertext []byte) {
		content, err := r.Open(ciphertext, here)
		if err == nil && string(content) != "content" { // nobody else has the key
			t.Fatalf("opened %x to %q", ciphertext, content)
		}
		if err != nil && !errors.Is(err, sealed.ErrCorrupt) && !errors.Is(err, sealed.ErrUnknownKey) {
			t.Fatal(err)
		}
	})
}
