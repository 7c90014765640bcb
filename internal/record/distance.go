package record

import "time"

const (
	// farTrip is the duration of a round trip that is mostly spent waiting for a network.
	// Nearer ones are mostly work, of this machine and of Redis.
	farTrip = 500 * time.Microsecond
	// tripsCompared is after how many trips a server can have become more distant.
	tripsCompared = 64
)

// distance is how long round trips to a server take: as long as the shortest of late, since
// the others were held up by work. The zero value is unknown.
type distance struct {
	trip     time.Duration
	shortest time.Duration // of the trips since the last change
	trips    int
}

func (d *distance) measure(took time.Duration) {
	if d.trips == 0 || took < d.shortest {
		d.shortest = took
	}
	d.trips++
	switch {
	case d.trip == 0 || took < d.trip:
		d.trip = took
	case d.trips >= tripsCompared:
		d.trip, d.trips = d.shortest, 0
	}
}

func (d *distance) far() bool { return d.trip >= farTrip }
