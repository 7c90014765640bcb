package record

import "time"

const (
	// distantTrip is the duration of a round trip that is mostly spent on the network. Shorter
	// ones are mostly work of this machine and of Redis.
	distantTrip = 500 * time.Microsecond
	// tripsCompared is the number of round trips after which a longer latency is accepted.
	tripsCompared = 64
)

// latency estimates the duration of a round trip to a server as that of the shortest recent
// one, because others were delayed by work. Its zero value is unknown.
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
