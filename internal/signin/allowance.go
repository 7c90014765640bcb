package signin

import (
	"sync"
	"time"
)

const (
	// maxFailures is how many codes in a row Entra may refuse. After that, failuresPerSecond codes are
	// sent per second.
	maxFailures       = 200
	failuresPerSecond = 20
)

// allowance limits failing calls of the token endpoint. A visitor who has begun a sign-in can make up a
// code, and Entra throttles an app that sends too many wrong codes, so that its users cannot renew
// their tokens either (threat G26). Successful calls do not count. It is safe for concurrent use.
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

// giveBack returns the allowance of n calls.
func (a *allowance) giveBack(n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.used = max(0, a.used-float64(n))
}
