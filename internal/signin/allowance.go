package signin

import (
	"sync"
	"time"
)

const (
	// maxFailures is how many codes Entra may refuse in a row, and failuresPerSecond how many more
	// are sent each second after that.
	maxFailures       = 200
	failuresPerSecond = 20
)

// allowance bounds the calls of the token endpoint that fail. A visitor who has begun a sign-in can
// make up a code, and Entra throttles an app that sends too many wrong ones, whose users then cannot
// renew their tokens either (threat G26). Successful calls cost nothing. It is safe for concurrent
// use.
type allowance struct {
	mu   sync.Mutex
	used float64
	at   time.Time
}

// take reports whether another call may be made.
func (a *allowance) take(now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.used = max(0, a.used-max(0, now.Sub(a.at).Seconds())*failuresPerSecond)
	a.at = now
	if a.used+1 > maxFailures {
		return false
	}
	a.used++
	return true
}

// giveBack returns what n calls have taken.
func (a *allowance) giveBack(n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.used = max(0, a.used-float64(n))
}
