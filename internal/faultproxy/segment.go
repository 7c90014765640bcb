package faultproxy

import (
	"sync"
	"time"
)

const bufferSize = 16 << 10

type buffer [bufferSize]byte

var buffers sync.Pool

func newBuffer() *buffer {
	b, ok := buffers.Get().(*buffer)
	if !ok {
		b = new(buffer)
	}
	return b
}

// segment contains the bytes of one read.
type segment struct {
	arrivesAt time.Time
	bytes     []byte
	buffer    *buffer // of the pool, if it contains the bytes
	end       ending
}

// ending is the state of a direction after the bytes of a segment.
type ending int

const (
	stillOpen ending = iota
	halfClosed
	cut
)
