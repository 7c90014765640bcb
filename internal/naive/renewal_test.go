package naive_test

import (
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/internal/redistest"
)

// Time is virtual, so that all requests arrive within the second that Entra takes.
func TestR6_ManyRequestsOnAnExpiredToken(t *testing.T) {
	t.Parallel()
	newVisitor(t, adele).mustSignIn(newApp(t, newIDP(t), nil)) // starts goroutines of Fiber and fasthttp, which no bubble may own
	for _, n := range []int{50, 1000} {
		t.Run(strconv.Itoa(n), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newApp(t, newIDP(t), nil)
				defer func() { _ = a.sessions.Storage.Close() }()
				v := newVisitor(t, adele)
				v.mustSignInBriefly(a)
				a.idp.Fault(entratest.Token, entratest.Fault{Delay: time.Second})
				if served := servedAtOnce(v, n, a); served == 0 {
					t.Errorf("nobody was served\n%s", a.log)
				}
				report(t, "R6", "token calls of "+strconv.Itoa(n)+" requests on an expired token", "%d", tokenCalls(a.idp))
			})
		})
	}
}

func TestR7_TwoInstancesOnAnExpiredToken(t *testing.T) {
	t.Parallel()
	for name, delay := range map[string]time.Duration{
		"fast Entra":      0, // in the same process, which is faster than any network
		"Entra of 100 ms": 100 * time.Millisecond,
		"slow Entra":      3 * time.Second,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			idp := newIDP(t)
			instances := newPair(t, idp, redistest.Start(t))
			v := newVisitor(t, adele)
			v.mustSignInBriefly(instances[0])
			if delay > 0 {
				idp.Fault(entratest.Token, entratest.Fault{Delay: delay})
			}
			served := servedAtOnce(v, 100, instances[:]...)
			if served == 0 {
				t.Errorf("nobody was served\n%s", instances[0].log)
			}
			report(t, "R7", "token calls of 100 requests on two instances, "+name, "%d", tokenCalls(idp))
			report(t, "R7", "requests that failed", "%d", 100-served)
		})
	}
}

// servedAtOnce sends requests to the instances at the same time, and counts those that get a token.
func servedAtOnce(v *visitor, n int, instances ...*app) int {
	var served atomic.Int64
	atOnce(n, func(i int) {
		if v.isServed(instances[i%len(instances)], "/token") {
			served.Add(1)
		}
	})
	return int(served.Load())
}
