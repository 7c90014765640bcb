// Package pack compresses content that consists of tokens, such as MSAL's cache.
//
// Most of this content is base64, which a compressor cannot reduce below three quarters, because it
// finds no repetition in an encoded JWT and must encode every random character. This package decodes
// base64 first, which achieves the three quarters directly. It then compresses the rest together with
// the claims of JWTs, which repeat it. The result is smaller than that of zstd for the same content,
// and takes a third of the time.
//
// Base64 is decoded twice, because claims contain base64, too. The packed form begins with the runs of
// base64 that were decoded the second time, followed by those of the first time. For both it contains
// the number of runs, and for each run the length of the text before it, and its own length with one
// bit for its place, which is in the text or after it. Then come the length of the compressed text,
// that text, and the runs that are not in it, in the same order.
package pack

import (
	"encoding/binary"
	"slices"
	"sync"

	"github.com/klauspost/compress/s2"
)

const (
	// maxSize is the maximum size of content that is packed. It also limits the memory that unpacking
	// takes.
	maxSize = 16 << 20
	// maxKept is the maximum size of content whose buffers are kept for reuse.
	maxKept = 64 << 10
)

// buffers are the memory that packing needs apart from its result. They are reused, because otherwise
// they would be most of what a sign-in allocates.
type buffers struct {
	first, second decoded
	compressed    []byte
}

var pool = sync.Pool{New: func() any { return new(buffers) }}

// Pack packs content, and reports whether the result is smaller.
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
