package faultproxy

import (
	"math/rand/v2"
	"sync/atomic"
	"time"
)

// retransmission is the minimum time after which TCP on Linux retransmits a lost segment.
const retransmission = 200 * time.Millisecond

// network is the simulated network of a proxy.
type network struct {
	clock       *clock
	rtt, jitter atomic.Int64
	loss        atomic.Uint64 // of 1<<32
}

// delayed returns when bytes from a server arrive that were sent now, on a connection that was
// opened at the given time.
func (n *network) delayed(now, opened time.Time) time.Time {
	rtt := time.Duration(n.rtt.Load())
	at := now.Add(rtt)
	if earliest := opened.Add(2 * rtt); rtt > 0 && at.Before(earliest) {
		at = earliest
	}
	if jitter := n.jitter.Load(); jitter > 0 {
		at = at.Add(time.Duration(rand.Int64N(jitter))) //nolint:gosec // not a secret
	}
	return at
}

// loses reports whether a segment is lost.
func (n *network) loses() bool {
	loss := n.loss.Load()
	return loss > 0 && uint64(rand.Uint32()) < loss //nolint:gosec // not a secret
}
