package record

import "time"

const (
	// distantTrip is the duration above which a round trip is mostly spent in the network. Shorter
	// round trips are mostly work of this machine and of Redis.
	distantTrip = 500 * time.Microsecond
	// tripsCompared is the number of round trips after which a longer latency is accepted.
	tripsCompared = 64
)

// latency estimates the duration of a round trip to a server. The estimate is the shortest recent one,
// because others were delayed by work. The zero value means unknown.
type latency struct {
	trip     time.Duration
	shortest time.Duration // since the estimate last changed
	trips    int
}

func (l *latency) add(took time.Duration) {
	if l.trips == 0 || took < l.shortest {
		l.shortest = took
	}
	l.trips++
	switch {
	case l.trip == 0 || took < l.trip:
		l.trip = took
	case l.trips >= tripsCompared:
		l.trip, l.trips = l.shortest, 0
	}
}

func (l *latency) isDistant() bool { return l.trip >= distantTrip }
