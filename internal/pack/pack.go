// Package pack makes content smaller that consists of tokens, as MSAL's cache does.
//
// Most of such content is base64, of which no compressor makes less than three quarters: it finds no
// repetition in an encoded JWT, and must encode every random character. Here base64 is decoded
// first, which gives the three quarters at once, and the rest is compressed together with the claims
// of JWTs, which repeat it. That is smaller than what zstd makes of the same content, and takes a third of the time.
//
// Decoding is done twice, because claims contain base64, too. The packed form begins with the runs of
// base64 that were decoded the second time, then those of the first: their number, and for each the
// length of the text before it, and its length with one bit for its place, in the text or after it. Then
// come the length of the compressed text, that text, and the runs that are not in it, in the same
// order.
package pack

import (
	"encoding/binary"
	"slices"
	"sync"

	"github.com/klauspost/compress/s2"
)

const (
	// maxSize bounds the content that is packed, and so the memory that unpacking takes.
	maxSize = 16 << 20
	// maxKept bounds the content whose buffers are kept.
	maxKept = 64 << 10
)

// buffers are what packing takes, apart from the result. They are kept, because that was most of what
// a sign-in allocated.
type buffers struct {
	first, second decoded
	compressed    []byte
}

var pool = sync.Pool{New: func() any { return new(buffers) }}

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
	b.first.decode(content)
	b.second.decode(b.first.text)
	b.compressed = slices.Grow(b.compressed[:0], s2.MaxEncodedLen(len(b.second.text)))
	compressed := dictionary.Encode(b.compressed[:cap(b.compressed)], b.second.text)
	numbers := 2*len(b.first.runs) + 2*len(b.second.runs) + 3
	packed := make([]byte, 0, numbers*binary.MaxVarintLen32+len(compressed)+len(b.first.apart)+len(b.second.apart))
	packed = appendRuns(appendRuns(packed, b.second.runs), b.first.runs)
	packed = binary.AppendUvarint(packed, uint64(len(compressed)))
	return append(append(append(packed, compressed...), b.second.apart...), b.first.apart...)
}

func appendRuns(packed []byte, runs []run) []byte {
	packed = binary.AppendUvarint(packed, uint64(len(runs)))
	for _, r := range runs {
		length := uint64(r.groups) << 1 //nolint:gosec // not negative
		if r.inText {
			length |= 1
		}
		packed = binary.AppendUvarint(binary.AppendUvarint(packed, uint64(r.gap)), length) //nolint:gosec // not negative
	}
	return packed
}
