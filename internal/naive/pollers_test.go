package naive_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/fibermsal/fibermsal/internal/redistest"
)

// Sign-ins of a browser whose other tabs continue to request tokens.
func TestR13_SignInsBesidePollers(t *testing.T) {
	t.Parallel()
	rounds := repeats(300)
	instances := newPair(t, newIDP(t), redistest.Start(t))
	v := newVisitor(t, adele)
	v.mustSignIn(instances[0])
	ctx, stop := context.WithCancel(t.Context())
	var polls atomic.Int64
	var pollers sync.WaitGroup
	for i := range 4 {
		pollers.Go(func() {
			for ctx.Err() == nil {
				v.get(instances[i%2], "/token")
				polls.Add(1)
			}
		})
	}
	refused, lost := 0, 0
	for range rounds {
		switch {
		case !isAcknowledged(v.signIn(instances[0])):
			refused++
		case !v.isServed(instances[0], "/me") || !v.isServed(instances[0], "/token"):
			lost++
		}
	}
	stop()
	pollers.Wait()
	if polls.Load() == 0 {
		t.Error("no tab has polled")
	}
	report(t, "R13", "sign-ins lost beside four tabs that poll", "%d of %d", lost, rounds)
	report(t, "R13", "sign-ins refused beside four tabs that poll", "%d of %d", refused, rounds)
	v.mustSignIn(instances[0])
}
