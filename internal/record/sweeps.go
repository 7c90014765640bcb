package record

// sweepEvery is the minimum number of writes between two sweeps.
const sweepEvery = 1024

// sweeps decides when to remove expired entries: after as many writes as entries were left by
// the last sweep. Each write then costs the same on average, and expired entries are never much
// more than half of all.
type sweeps struct{ writes, left int }

// wrote counts writes and reports whether a sweep is due.
func (s *sweeps) wrote(n int) bool {
	s.writes += n
	return s.writes >= max(sweepEvery, s.left)
}

func (s *sweeps) done(left int) { s.writes, s.left = 0, left }
