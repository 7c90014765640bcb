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

// Pack packs content, and reports whether that makes it smaller.
func Pack(content []byte) (packed []byte, smaller bool) {
	if len(content) > maxSize {
		return nil, false
	}
	text, apart := make([]byte, 0, len(content)), make([]byte, 0, len(content))
	var runs []run
	rest := content
	for {
		begin, end := findRun(rest)
		text = append(text, rest[:begin]...)
		if begin == end {
			break
		}
		r := run{gap: begin, groups: (end - begin) / group}
		end = begin + r.groups*group
		length := len(apart)
		apart, _ = base64.RawURLEncoding.AppendDecode(apart, rest[begin:end]) // a run has only characters of base64
		if r.inText = isText(apart[length:]); r.inText {
			text, apart = append(text, apart[length:]...), apart[:length]
		}
		runs, rest = append(runs, r), rest[end:]
	}
	compressed := s2.Encode(nil, text)
	packed = appendHeader(make([]byte, 0, len(compressed)+len(apart)+binary.MaxVarintLen32*(2*len(runs)+2)), runs, len(compressed))
	packed = append(append(packed, compressed...), apart...)
	return packed, len(packed) < len(content)
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
