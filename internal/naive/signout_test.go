package naive_test

import (
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/internal/redistest"
)

// A renewal and a sign-out begin at the same time.
func TestR11_SignOutAndRenewalAtOnce(t *testing.T) {
	t.Parallel()
	instances := newPair(t, newIDP(t), redistest.Start(t))
	cameBack, rounds := 0, repeats(200)
	for range rounds {
		v := newVisitor(t, adele)
		v.mustSignInBriefly(instances[0])
		leaving, thief := v.withItsCookie(), v.withItsCookie()
		var wait sync.WaitGroup
		wait.Go(func() { v.get(instances[0], "/token") })
		wait.Go(func() { leaving.mustSignOut(instances[1]) })
		wait.Wait()
		if thief.isServed(instances[1], "/me") {
			cameBack++
		}
	}
	report(t, "R11", "sessions that a renewal brought back after their sign-out", "%d of %d", cameBack, rounds)
}

// A sign-out begins and ends while Entra takes a second for a renewal.
func TestR11_SignOutDuringARenewal(t *testing.T) {
	t.Parallel()
	instances := newPair(t, newIDP(t), redistest.Start(t))
	idp := instances[0].idp
	const signOuts = 20
	var visitors, thieves [signOuts]*visitor
	for i := range visitors {
		visitors[i] = newVisitor(t, adele)
		visitors[i].mustSignInBriefly(instances[0])
		thieves[i] = visitors[i].withItsCookie()
	}
	idp.Fault(entratest.Token, entratest.Fault{Delay: time.Second})
	var renewals sync.WaitGroup
	for _, v := range visitors {
		renewing := v.withItsCookie()
		renewals.Go(func() { renewing.get(instances[0], "/token") })
	}
	for until := time.Now().Add(10 * time.Second); tokenCalls(idp) < signOuts; <-time.After(time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("%d token calls", tokenCalls(idp))
		}
	}
	for _, v := range visitors {
		v.mustSignOut(instances[1])
	}
	renewals.Wait()
	var cameBack atomic.Int64
	atOnce(signOuts, func(i int) {
		if thieves[i].isServed(instances[1], "/me") {
			cameBack.Add(1)
		}
	})
	report(t, "R11", "sessions that a renewal of a second brought back after their sign-out", "%d of %d", cameBack.Load(), signOuts)
}

// mustSignOut signs the user out. The test fails if that does not succeed.
func (v *visitor) mustSignOut(a *app) {
	v.t.Helper()
	if answer := v.signOut(a); answer.StatusCode != http.StatusFound {
		v.t.Errorf("sign-out: status %d\n%s", answer.StatusCode, a.log)
	}
}
