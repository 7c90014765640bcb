package flow

import (
	"bytes"
	"crypto/rand"
	"strings"
	"testing"
	"time"

	"github.com/fibermsal/fibermsal/internal/sealed"
)

// Any data that this version or a later one has sealed for a place is read without a panic and within
// limits.
func FuzzSealedContents(f *testing.F) {
	ring, err := sealed.NewRing([][]byte{bytes.Repeat([]byte{1, 2}, 16)}, "test")
	if err != nil {
		f.Fatal(err)
	}
	j := NewJar(ring, "__Host-x-", "client", "https://login.example/t", "https://app.example/user/authorized", "form_post")
	a, b, err := j.Begin(rand.Reader, time.Now(), &Start{To: DestinationOf("/x"), Restarts: 1})
	if err != nil {
		f.Fatal(err)
	}
	content, err := a.encode(&details{ReturnTo: "/x"})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(content)
	f.Add(b.encode())
	f.Add(content[:len(content)-1])
	f.Add(append(content[:stateFixed:stateFixed], packed([]byte(`{"r":"/`+strings.Repeat("a", 1<<20)+`"}`), 0)...)) // inflates to a megabyte
	f.Add(append([]byte{1, 255}, make([]byte, 40)...))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, plaintext []byte) {
		text := func(context []byte) string { return encode(ring.Seal(plaintext, context)) }
		name := j.pathName(1)
		cookie := func(string) (string, bool) { return text(j.pathContext(a, name)), true }
		if opened, ok := j.Open(text(j.stateContext()), b, cookie); ok && len(opened.Destination().Path()) > 4096 {
			t.Errorf("a path of %d bytes", len(opened.Destination().Path()))
		}
		j.OpenBrowser(text(j.cookieContext(j.browser)))
		j.OpenTries(text(j.triesContext()), time.Now())
		j.OpenResumption(text(j.resumptionContext()), time.Now())
		j.OpenRequirements(text(j.requirementsContext("")), "", time.Now())
		if path := j.openPath(a, 1, cookie); len(path) > maxUnpacked {
			t.Errorf("a path of %d bytes", len(path))
		}
		_, _ = decodeEarlier(plaintext)
	})
}

// A forged state costs only one decryption.
func BenchmarkOpen_ForgedState(b *testing.B) {
	ring, _ := sealed.NewRing([][]byte{bytes.Repeat([]byte{1, 2}, 16)}, "test")
	j := NewJar(ring, "__Host-x-", "client", "https://login.example/t", "https://app.example/user/authorized", "form_post")
	raw := make([]byte, maxState/4*3)
	_, _ = rand.Read(raw)
	genuine, _ := decode(encode(ring.Seal(nil, nil)))
	copy(raw, genuine[:5])
	state := encode(raw)
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := j.Open(state, Browser{}, nil); ok {
			b.Fatal("it opened")
		}
	}
}

// An attacker can begin attempts and send states, so neither may fill the memory (threat G26).
func TestG26_BeginningAndOpeningTakesLittleMemory(t *testing.T) {
	ring, err := sealed.NewRing([][]byte{bytes.Repeat([]byte{1, 2}, 16)}, "test")
	if err != nil {
		t.Fatal(err)
	}
	j := NewJar(ring, "__Host-x-", "client", "https://login.example/t", "https://app.example/user/authorized", "form_post")
	noise := "/" + encode(ring.Seal(make([]byte, 2800), nil))
	for name, path := range map[string]string{"short": "/x", "repetitive": "/" + strings.Repeat("a=1&", 1000), "in a cookie": noise} {
		var (
			a       *Attempt
			browser Browser
		)
		begun := testing.Benchmark(func(b *testing.B) {
			b.Helper()
			for b.Loop() {
				a, browser, err = j.Begin(rand.Reader, time.Now(), &Start{To: DestinationOf(path)})
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		opened := testing.Benchmark(func(b *testing.B) {
			b.Helper()
			for b.Loop() {
				j.Open(a.State(), browser, func(string) (string, bool) { return a.Cookie().Value, true })
			}
		})
		if n := begun.AllocedBytesPerOp(); n > 128<<10 {
			t.Errorf("%s: beginning allocates %d bytes and takes %v", name, n, time.Duration(begun.NsPerOp()))
		}
		if n := opened.AllocedBytesPerOp(); n > 128<<10 {
			t.Errorf("%s: opening allocates %d bytes and takes %v", name, n, time.Duration(opened.NsPerOp()))
		}
	}
}
