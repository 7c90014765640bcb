package sessionmodel

import (
	"math/rand/v2"
	"time"
)

// The size of the world in random histories.
const (
	Instances = 2
	Browsers  = 3
	Users     = 2
)

// weights are how often the kinds of steps occur.
var weights = []struct {
	kind   Kind
	weight int
}{
	{Visit, 30},
	{Token, 34},
	{SignIn, 2},
	{SignOut, 6},
	{EndSessions, 3},
	{Revoke, 1},
	{Crash, 3},
	{Deploy, 5},
	{StorageDown, 2},
	{ReadOnly, 2},
	{Partition, 2},
	{LoseReplies, 5},
	{Refuse, 4},
	{EntraDown, 2},
	{LoseAnswers, 2},
}

// Random returns the history of a seed. A third of the histories have no faults, in which the model allows least.
func Random(seed uint64) History {
	r := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // repeatable
	h := History{Seed: seed}
	faultless := r.IntN(3) == 0
	browser := r.IntN(Browsers)
	for range 4 + r.IntN(16) {
		if r.IntN(3) == 0 { // otherwise the same one, because only events of the same session can collide
			browser = r.IntN(Browsers)
		}
		step := Step{After: pause(r), Kind: randomKind(r), Instance: r.IntN(Instances), Browser: browser, User: r.IntN(Users)}
		if n := len(h.Steps); n > 0 && h.Steps[n-1].Kind == SignIn && r.IntN(2) == 0 { // they rarely meet by chance
			step.Kind, step.User, step.After = EndSessions, h.Steps[n-1].User, between(r, 0, 800*time.Millisecond)
		}
		switch step.Kind {
		case StorageDown, ReadOnly, Partition, EntraDown:
			step.For = between(r, 0, outage(r))
		case LoseReplies, Refuse, LoseAnswers:
			step.Times = 1 + r.IntN(4)
		default:
			h.Steps = append(h.Steps, step)
			continue
		}
		if !faultless {
			h.Steps = append(h.Steps, step)
		}
	}
	return h
}

func randomKind(r *rand.Rand) Kind {
	total := 0
	for _, w := range weights {
		total += w.weight
	}
	n := r.IntN(total)
	for _, w := range weights {
		if n -= w.weight; n < 0 {
			return w.kind
		}
	}
	panic("unreachable")
}

// pause returns the time between two steps: often so short that they overlap, and sometimes so long that an access token
// or a session expires in the meantime.
func pause(r *rand.Rand) time.Duration {
	switch n := r.IntN(100); {
	case n < 45:
		return between(r, time.Microsecond, 5*time.Millisecond)
	case n < 57:
		return between(r, time.Microsecond, 400*time.Millisecond)
	case n < 65:
		return between(r, 0, 10*time.Second)
	case n < 75:
		return between(r, 0, 20*time.Minute)
	case n < 97:
		return between(r, 64*time.Minute, 76*time.Minute)
	}
	return between(r, time.Hour, 4*time.Hour)
}

func between(r *rand.Rand, least, most time.Duration) time.Duration {
	return least + time.Duration(r.Int64N(int64(most-least)))
}

func outage(r *rand.Rand) time.Duration {
	return []time.Duration{100 * time.Millisecond, 10 * time.Second, 30 * time.Minute, 2 * time.Hour}[r.IntN(4)]
}
