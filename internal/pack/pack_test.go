package pack_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/klauspost/compress/s2"

	"github.com/fibermsal/fibermsal/internal/pack"
)

// token returns random base64 of a length.
func token(length int) string {
	random := make([]byte, length)
	source := rand.NewChaCha8([32]byte{1})
	_, _ = source.Read(random)
	return base64.RawURLEncoding.EncodeToString(random)[:length]
}

// jwt returns a token with readable claims.
func jwt() string {
	return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"RS256"}`)) + "." +
		base64.RawURLEncoding.EncodeToString([]byte(`{"name":"Zoë","claims":"`+strings.Repeat("c", 300)+`"}`)) + "." + token(342)
}

var contents = map[string]string{
	"empty": "", "one": "x", "JSON": `{"AccessToken":{}}`, "just too short": token(159), "a run": token(160), "with a remainder": token(163),
	"runs": token(200) + "." + token(201) + "\"" + token(202), "a JWT": jwt(), "a cache": `{"AccessToken":{"k":{"secret":"` + token(1424) + `"}},"IdToken":{"k":{"secret":"` + jwt() + `"}}}`,
	"of one letter": strings.Repeat("A", 1000), "text": strings.Repeat("a text. ", 100), "bytes": string(bytes.Repeat([]byte{0, 255, '\n'}, 100)),
	"text at the ends": "a." + token(400) + ".b",
}

func TestPack(t *testing.T) {
	t.Parallel()
	for name, content := range contents {
		checkPack(t, name, []byte(content))
	}
	for name, most := range map[string]int{"a cache": 77, "a JWT": 76, "a run": 80, "text": 10} {
		packed, smaller := pack.Pack([]byte(contents[name]))
		if percent := 100 * len(packed) / len(contents[name]); !smaller || percent > most {
			t.Errorf("%s: %d %%", name, percent)
		}
	}
	if _, smaller := pack.Pack(make([]byte, 16<<20+1)); smaller {
		t.Error("content was packed that cannot be unpacked")
	}
}

func checkPack(t *testing.T, name string, content []byte) {
	t.Helper()
	packed, smaller := pack.Pack(content)
	if smaller != (len(packed) < len(content)) {
		t.Errorf("%s: %d bytes of %d, %v", name, len(packed), len(content), smaller)
	}
	if unpacked, err := pack.Unpack(packed); err != nil || !bytes.Equal(unpacked, content) {
		t.Errorf("%s: %v, %q of %q", name, err, unpacked, content)
	}
}

func FuzzPack(f *testing.F) {
	for _, content := range contents {
		f.Add([]byte(content))
	}
	f.Fuzz(func(t *testing.T, content []byte) { checkPack(t, "fuzzed", content) })
}

// packedOf makes a packed form of the numbers of the first decoding, text and runs.
func packedOf(numbers []uint64, text, apart string) []byte {
	packed := []byte{0} // runs of the second decoding
	for _, n := range numbers {
		packed = binary.AppendUvarint(packed, n)
	}
	block := s2.Encode(nil, []byte(text))
	packed = binary.AppendUvarint(packed, uint64(len(block)))
	return append(append(packed, block...), apart...)
}

// A record that was crafted to use much memory, or written by a faulty version, is an error.
func TestUnpack_MalformedIsAnError(t *testing.T) {
	t.Parallel()
	bomb := binary.AppendUvarint(nil, 1<<32-1) // the decoded length of a block
	for name, packed := range map[string][]byte{
		"nothing": {}, "no text": {0, 0}, "no runs of the first decoding": {0}, "a number without an end": {0x80}, "a number that is too long": bytes.Repeat([]byte{0xff}, 11),
		"more runs than bytes":      packedOf([]uint64{1000}, "text", ""),
		"a gap beyond the text":     packedOf([]uint64{1, 5, 0}, "text", ""),
		"a run beyond the text":     packedOf([]uint64{1, 0, 2<<1 | 1}, "text", ""),
		"a run beyond the end":      packedOf([]uint64{1, 0, 2 << 1}, "text", "abc"),
		"bytes that no run has":     packedOf([]uint64{1, 0, 1 << 1}, "text", "abcd"),
		"a large gap":               packedOf([]uint64{1, 1 << 40, 0}, "text", ""),
		"a large run":               packedOf([]uint64{1, 0, 1 << 40}, "text", ""),
		"large runs":                packedOf([]uint64{2, 0, 16 << 20, 0, 16 << 20}, "text", ""),
		"a text that is too large":  packedOf([]uint64{0}, strings.Repeat("a", 16<<20+1), ""),
		"a block that is too large": append([]byte{0, 0, byte(len(bomb))}, bomb...),
		"a block beyond the end":    {0, 0, 9, 1},
		"no block":                  {0, 0, 0},
		"a wrong block":             {0, 0, 3, 4, 255, 255},
	} {
		if unpacked, err := pack.Unpack(packed); err == nil {
			t.Errorf("%s: %d bytes", name, len(unpacked))
		}
	}
}

func FuzzUnpack(f *testing.F) {
	for _, content := range contents {
		packed, _ := pack.Pack([]byte(content))
		f.Add(packed)
	}
	f.Fuzz(func(t *testing.T, packed []byte) {
		unpacked, err := pack.Unpack(packed)
		if err == nil && len(unpacked) > 16<<20 {
			t.Errorf("%d bytes", len(unpacked))
		}
	})
}

func BenchmarkPack(b *testing.B) {
	content := []byte(contents["a cache"])
	packed, _ := pack.Pack(content)
	b.Run("pack", func(b *testing.B) {
		for b.Loop() {
			pack.Pack(content)
		}
	})
	b.Run("unpack", func(b *testing.B) {
		for b.Loop() {
			if _, err := pack.Unpack(packed); err != nil {
				b.Fatal(err)
			}
		}
	})
}
