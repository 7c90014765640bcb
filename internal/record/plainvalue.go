package record

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"time"
)

// A value in a plain storage is plainFormat, the Unix time of its end in milliseconds, a
// checksum of both, and the content.
const (
	// plainFormat is no version that a box begins with, but above all of them: a process of
	// an earlier version takes the value for one of a later version, and leaves it alone.
	plainFormat     = 0xF1
	plainHeaderSize = 1 + 8 + 4
)

// plainValue is a value with its end, which is zero if that is not known.
type plainValue struct {
	content []byte // nil is no value
	until   time.Time
}

func (v plainValue) encode() []byte {
	header := binary.BigEndian.AppendUint64([]byte{plainFormat}, uint64(v.until.UnixMilli()))
	header = binary.BigEndian.AppendUint32(header, crc32.ChecksumIEEE(header))
	return append(header, v.content...)
}

// notABox is what a damaged value stands for: no ring opens it.
var notABox = []byte{0}

// decodePlain takes a stored value apart. What has no header is content: earlier versions
// wrote none.
func decodePlain(stored []byte) plainValue {
	switch {
	case len(stored) == 0:
		return plainValue{}
	case stored[0] != plainFormat:
		return plainValue{content: stored}
	case len(stored) <= plainHeaderSize,
		binary.BigEndian.Uint32(stored[plainHeaderSize-4:]) != crc32.ChecksumIEEE(stored[:plainHeaderSize-4]):
		return plainValue{content: bytes.Clone(notABox)}
	}
	return plainValue{
		content: stored[plainHeaderSize:],
		until:   time.UnixMilli(int64(binary.BigEndian.Uint64(stored[1:]))), //nolint:gosec // as it was written
	}
}

// over reports whether the end has come.
func (v plainValue) over() bool {
	return v.content != nil && !v.until.IsZero() && !time.Now().Before(v.until)
}
