package e2e

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/internal/figure"
)

// resident is one of many users. Changes of the session require the exclusive lock.
type resident struct {
	sync.RWMutex
	upn, cookie string
}

// Many users on two processes sign in and out, open pages, call Graph and renew tokens at the same
// time. Every response is about the user who sent the request.
func TestH1_MixedLoadOnTwoProcessesMixesNobodyUp(t *testing.T) {
	t.Parallel()
	const workers = 64
	count, answers := repeats(1000), int64(10_000)
	if soaking() {
		answers = 1_000_000
	}
	people := make([]entratest.User, count)
	for i := range people {
		people[i] = entratest.User{
			ID: fmt.Sprintf("00000000-0000-4000-8000-%012d", i), UPN: fmt.Sprintf("user%04d@contoso.com", i), DisplayName: fmt.Sprintf("User %04d", i),
		}
	}
	c := newClusterOf(t, people)
	residents := make([]*resident, count)
	for i, p := range people {
		residents[i] = &resident{upn: p.UPN}
	}
	var checked, foreign, renewed, left atomic.Int64
	began := time.Now()
	var wait sync.WaitGroup
	for worker := range workers {
		wait.Go(func() {
			random := rand.New(rand.NewPCG(uint64(worker), 7))
			for checked.Load() < answers && foreign.Load() == 0 {
				r, instance := residents[random.IntN(count)], random.IntN(2)
				switch dice := random.IntN(1000); {
				case dice < 3:
					r.Lock()
					if r.cookie != "" {
						c.signOut(instance, r.cookie)
						if status, got := c.me(1-instance, r.cookie); status != http.StatusUnauthorized {
							foreign.Add(1)
							t.Errorf("%s has signed out, and gets %d %s", r.upn, status, got)
						}
						left.Add(1)
						r.cookie = ""
					}
					r.Unlock()
				case dice < 13:
					r.Lock()
					if r.cookie != "" {
						c.expire(r.cookie)
						renewed.Add(1)
					}
					r.Unlock()
				default:
					c.checkResident(r, instance, dice%2 == 0, &checked, &foreign)
				}
			}
		})
	}
	wait.Wait()
	t.Logf("%d users: %d answers checked, %d foreign, %d renewals forced, %d sign-outs, after %v",
		count, checked.Load(), foreign.Load(), renewed.Load(), left.Load(), time.Since(began).Round(time.Second))
	figure.Report(t, figure.Figure{Row: "R1", Name: "foreign answers under mixed load in two processes", Value: strconv.FormatInt(foreign.Load(), 10)})
	figure.Report(t, figure.Figure{Row: "R1", Name: "answers checked under mixed load", Value: fmt.Sprintf("%d to %d users", checked.Load(), count)})
	if foreign.Load() != 0 || renewed.Load() == 0 || left.Load() == 0 {
		t.Error("not what was to be shown")
	}
	c.redis.Dump() // every record has an end
}

// checkResident requests one page for a user, who is signed in first if necessary.
func (c *cluster) checkResident(r *resident, instance int, graph bool, checked, foreign *atomic.Int64) {
	r.RLock()
	signedOut := r.cookie == ""
	r.RUnlock()
	if signedOut {
		r.Lock()
		if r.cookie == "" {
			r.cookie = c.signIn(r.upn)
		}
		r.Unlock()
	}
	r.RLock()
	defer r.RUnlock()
	if r.cookie == "" {
		return // signed out meanwhile
	}
	get := c.info
	if graph {
		get = c.me
	}
	status, got := get(instance, r.cookie)
	if checked.Add(1); status != http.StatusOK || got != r.upn {
		foreign.Add(1)
		c.t.Errorf("%s gets %d %s", r.upn, status, got)
	}
}
