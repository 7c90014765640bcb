// Package pack makes content smaller that consists of tokens, as MSAL's cache does.
//
// Most of such content is base64, of which no compressor makes less than three quarters: it finds no
// repetition in an encoded JWT, and must encode every random character. Here base64 is decoded
// first, which gives the three quarters at once, and the rest is compressed with the claims of JWTs,
// which repeat it. That is faster than a compressor with entropy coding, and smaller: 56 % for a session
// of the emulator in 10 us, and back in 5 us.
//
// The packed form begins with the number of decoded runs. Each has the length of the text before it, and
// its length with one bit for its place: in the text, or after it. Then come the length of the
// compressed text, that text, and the runs that are not in it.
package pack

import (
	"encoding/base64"
	"encoding/binary"
	"slices"
	"sync"

	"github.com/klauspost/compress/s2"
)

const (
	// maxSize bounds the content that is packed, and so the memory that unpacking takes.
	maxSize = 16 << 20
	// minRun is the shortest run of base64 that is decoded. Names and GUIDs, which may repeat, are shorter.
	minRun = 160
	// group is a group of characters in base64, and groupBytes are the bytes that it encodes.
	group, groupBytes = 4, 3
)

// run is a run of base64 in content.
type run struct {
	gap    int // text before it
	groups int
	inText bool // whether it encodes text
}

// buffers are what packing takes, apart from the result: three times the content, which was most of
// what a sign-in allocated.
type buffers struct {
	text, apart, compressed []byte
	runs                    []run
}

var pool = sync.Pool{New: func() any { return new(buffers) }}

// maxKept bounds the content whose buffers are kept.
const maxKept = 64 << 10

// Pack packs content, and reports whether that makes it smaller.
func Pack(content []byte) (packed []byte, smaller bool) {
	if len(content) > maxSize {
		return nil, false
	}
	b, _ := pool.Get().(*buffers)
	packed = b.pack(content)
	if len(content) <= maxKept {
		pool.Put(b)
	}
	return packed, len(packed) < len(content)
}

func (b *buffers) pack(content []byte) []byte {
	b.text, b.apart, b.runs = b.text[:0], b.apart[:0], b.runs[:0]
	for rest := content; ; {
		begin, end := findRun(rest)
		b.text = append(b.text, rest[:begin]...)
		if begin == end {
			break
		}
		r := run{gap: begin, groups: (end - begin) / group}
		end = begin + r.groups*group
		length := len(b.apart)
		b.apart, _ = base64.RawURLEncoding.AppendDecode(b.apart, rest[begin:end]) // a run has only characters of base64
		if r.inText = isText(b.apart[length:]); r.inText {
			b.text, b.apart = append(b.text, b.apart[length:]...), b.apart[:length]
		}
		b.runs, rest = append(b.runs, r), rest[end:]
	}
	b.compressed = slices.Grow(b.compressed[:0], s2.MaxEncodedLen(len(b.text)))
	compressed := s2.Encode(b.compressed[:cap(b.compressed)], b.text)
	packed := make([]byte, 0, len(compressed)+len(b.apart)+binary.MaxVarintLen32*(2*len(b.runs)+2))
	packed = appendHeader(packed, b.runs, len(compressed))
	return append(append(packed, compressed...), b.apart...)
}

func appendHeader(packed []byte, runs []run, compressed int) []byte {
	packed = binary.AppendUvarint(packed, uint64(len(runs)))
	for _, r := range runs {
		length := uint64(r.groups) << 1 //nolint:gosec // not negative
		if r.inText {
			length |= 1
		}
		packed = binary.AppendUvarint(binary.AppendUvarint(packed, uint64(r.gap)), length) //nolint:gosec // not negative
	}
	return binary.AppendUvarint(packed, uint64(compressed)) //nolint:gosec // not negative
}

// findRun returns where the first run begins and ends, or twice the end of the content if there is none.
// It looks from the last character that a run must have to the first, and so sees few of those outside
// of runs.
func findRun(content []byte) (begin, end int) {
	for begin+minRun <= len(content) {
		i := begin + minRun
		for i > begin && isBase64[content[i-1]] {
			i--
		}
		if i == begin {
			for end = begin + minRun; end < len(content) && isBase64[content[end]]; {
				end++
			}
			return begin, end
		}
		begin = i
	}
	return len(content), len(content)
}

// isBase64 are the characters of base64url.
var isBase64 = func() (is [256]bool) {
	for c := range is {
		is[c] = c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_'
	}
	return is
}()

// isText reports whether bytes have no control characters, as random ones have.
func isText(decoded []byte) bool {
	for _, c := range decoded {
		if c < ' ' {
			return false
		}
	}
	return true
}
