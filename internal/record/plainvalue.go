package record

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"time"
)

// A value in a plain storage consists of plainFormat, its expiry as Unix time in milliseconds,
// a checksum of both, and the content.
const (
	// plainFormat is above all versions that sealed bytes begin with. A process of an earlier
	// version therefore takes the value for one of a later version, and leaves it alone.
	plainFormat     = 0xF1
	plainHeaderSize = 1 + 8 + 4
)

// plainValue is a value and its expiry, which is zero if it is unknown.
type plainValue struct {
	content   []byte // nil if there is no value
	expiresAt time.Time
}

func (v plainValue) encode() []byte {
	header := binary.BigEndian.AppendUint64([]byte{plainFormat}, uint64(v.expiresAt.UnixMilli()))
	header = binary.BigEndian.AppendUint32(header, crc32.ChecksumIEEE(header))
	return append(header, v.content...)
}

// damagedContent replaces the content of a damaged value. No ring opens it.
var damagedContent = []byte{0}

// decodePlain decodes a stored value. A value without a header is all content, because earlier
// versions wrote no header.
func decodePlain(stored []byte) plainValue {
	switch {
	case len(stored) == 0:
		return plainValue{}
	case stored[0] != plainFormat:
		return plainValue{content: stored}
	case len(stored) <= plainHeaderSize,
		binary.BigEndian.Uint32(stored[plainHeaderSize-4:]) != crc32.ChecksumIEEE(stored[:plainHeaderSize-4]):
		return plainValue{content: bytes.Clone(damagedContent)}
	}
	return plainValue{
		content:   stored[plainHeaderSize:],
		expiresAt: time.UnixMilli(int64(binary.BigEndian.Uint64(stored[1:]))), //nolint:gosec // as encode wrote it
	}
}

func (v plainValue) expired() bool {
	return v.content != nil && !v.expiresAt.IsZero() && !time.Now().Before(v.expiresAt)
}
