package record

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"time"
)

// An encoded TimedValue consists of timedFormat, its expiry as Unix time in milliseconds, a
// checksum of both, and the content.
const (
	// timedFormat is higher than all versions with which sealed bytes begin. A process of an earlier
	// version therefore assumes that the value was written by a later version, and leaves it alone.
	timedFormat     = 0xF1
	timedHeaderSize = 1 + 8 + 4
)

// TimedValue is a value with its expiry, which is zero if unknown. It is for storages that ignore or do
// not support TTLs.
type TimedValue struct {
	Content   []byte // nil if there is no value
	ExpiresAt time.Time
}

// Encode returns the bytes to store.
func (v TimedValue) Encode() []byte {
	stored := make([]byte, 0, timedHeaderSize+len(v.Content))
	stored = binary.BigEndian.AppendUint64(append(stored, timedFormat), uint64(v.ExpiresAt.UnixMilli()))
	stored = binary.BigEndian.AppendUint32(stored, crc32.ChecksumIEEE(stored))
	return append(stored, v.Content...)
}

// damagedContent replaces the content of a damaged value. No key ring opens it.
var damagedContent = []byte{0}

// DecodeTimed decodes a stored value without copying its content. A value without a header consists of
// content only, because earlier versions wrote no header.
func DecodeTimed(stored []byte) TimedValue {
	switch {
	case len(stored) == 0:
		return TimedValue{}
	case stored[0] != timedFormat:
		return TimedValue{Content: stored}
	case len(stored) <= timedHeaderSize,
		binary.BigEndian.Uint32(stored[timedHeaderSize-4:]) != crc32.ChecksumIEEE(stored[:timedHeaderSize-4]):
		return TimedValue{Content: bytes.Clone(damagedContent)}
	}
	return TimedValue{
		Content:   stored[timedHeaderSize:],
		ExpiresAt: time.UnixMilli(int64(binary.BigEndian.Uint64(stored[1:]))), //nolint:gosec // as Encode wrote it
	}
}

// Expired reports whether the value has expired.
func (v TimedValue) Expired() bool {
	return v.Content != nil && !v.ExpiresAt.IsZero() && !time.Now().Before(v.ExpiresAt)
}
