package e2e

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/hex"
	"io"
	"strings"
	"testing"
)

// canaries finds secrets in places where they must not be. Each secret is cut into pieces that are long
// enough to identify it, so that a truncated token is found as well. The middle of each secret is also
// searched for in the encodings that a careless program might use.
type canaries struct {
	pieces map[string]string // piece -> what it is of
	// starts marks the first three bytes of the pieces. Most of the searched text is random and is not
	// the beginning of a piece, and a table shows this faster than a map.
	starts []bool
}

// pieceSize is large enough that a piece of a random secret never occurs by chance.
const pieceSize = 16

func newCanaries() *canaries {
	return &canaries{pieces: make(map[string]string), starts: make([]bool, 1<<24)}
}

func start[T string | []byte](piece T) int {
	return int(piece[0])<<16 | int(piece[1])<<8 | int(piece[2])
}

// add adds secrets. Short ones count as a whole, and only as they are.
func (c *canaries) add(what string, secrets ...string) {
	for _, secret := range secrets {
		if len(secret) < pieceSize {
			continue
		}
		for i := 0; i+pieceSize <= len(secret); i += pieceSize {
			c.addPiece(what, secret[i:i+pieceSize])
		}
		c.addPiece(what, secret[len(secret)-pieceSize:])
		for encoding, text := range encodings(secret) {
			middle := len(text)/2 - pieceSize/2
			c.addPiece(what+" in "+encoding, text[middle:middle+pieceSize])
		}
	}
}

func (c *canaries) addPiece(what, piece string) {
	c.pieces[piece], c.starts[start(piece)] = what, true
}

// encodings returns a secret in other spellings. Base64 has three of them,
// depending on what comes before; the ends, which depend on the neighbours, are
// left out by taking the middle.
func encodings(secret string) map[string]string {
	out := map[string]string{"hex": hex.EncodeToString([]byte(secret))}
	for shift, name := range []string{"base64", "base64, shifted by 1", "base64, shifted by 2"} {
		text := []byte(strings.Repeat(" ", shift) + secret)
		out[name] = base64.StdEncoding.EncodeToString(text)
		out[name+", for URLs"] = base64.URLEncoding.EncodeToString(text)
	}
	return out
}

// search fails the test for what it finds, and returns the number of pieces found.
func (c *canaries) search(t *testing.T, where string, hay []byte) (pieces int) {
	t.Helper()
	for what, times := range c.find(hay) {
		t.Errorf("%s contains %s (%d pieces)", where, what, times)
		pieces += times
	}
	return pieces
}

// find counts the pieces found of each thing.
func (c *canaries) find(hay []byte) map[string]int {
	found := make(map[string]int)
	for i := 0; i+pieceSize <= len(hay); i++ {
		if c.starts[start(hay[i:])] {
			if what, ok := c.pieces[string(hay[i:i+pieceSize])]; ok {
				found[what]++
			}
		}
	}
	for _, plain := range inflate(hay) {
		for what, times := range c.find(plain) {
			found[what+", zipped"] += times
		}
	}
	return found
}

// inflate decompresses gzip.
func inflate(hay []byte) (plains [][]byte) {
	for {
		i := bytes.Index(hay, []byte{0x1f, 0x8b, 0x08})
		if i < 0 {
			return plains
		}
		if zip, err := gzip.NewReader(bytes.NewReader(hay[i:])); err == nil {
			zip.Multistream(false)
			plain, _ := io.ReadAll(zip) // random bytes may look like a beginning
			plains = append(plains, plain)
		}
		hay = hay[i+3:]
	}
}

// This test shows that the search finds secrets.
func TestCanaries_AreFoundInEverySpelling(t *testing.T) {
	t.Parallel()
	const secret = "eyJhbGciOi.J1c2VyIjoiYWRlbGUifQ.c2lnbmF0dXJlLW9mLXRoZS10b2tlbg"
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	_, _ = w.Write([]byte("x" + secret))
	_ = w.Close()
	c := newCanaries()
	c.add("a token", secret)
	for name, hay := range map[string]string{
		"plain":     "token=" + secret + "&",
		"beginning": `"` + secret[:40] + `…"`,
		"end":       "…" + secret[len(secret)-pieceSize:],
		"hex":       hex.EncodeToString([]byte(secret)),
		"base64":    base64.StdEncoding.EncodeToString([]byte("u:" + secret + "!")),
		"base64url": base64.RawURLEncoding.EncodeToString([]byte("u" + secret + "!")),
		"json":      base64.StdEncoding.EncodeToString([]byte(`{"access_token":"` + secret + `"}`)),
		"gzip":      zipped.String(),
	} {
		if len(c.find([]byte(hay))) == 0 {
			t.Errorf("%s: not found", name)
		}
	}
	c.search(t, "something else", []byte("eyJhbGciOi.someone.else-completely-different-text"))
}
