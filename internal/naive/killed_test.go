package naive_test

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/fibermsal/fibermsal/internal/redistest"
)

// outage describes how users were served while Redis was down.
type outage struct {
	mu                    sync.Mutex
	served, errors, wrong int
	longest               time.Duration // of all requests
	backAt, firstServedAt time.Time
}

// ask sends a request and records the response.
func (o *outage) ask(v *visitor, a *app) {
	began := time.Now()
	answer := v.get(a, "/token")
	ended := time.Now()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.longest = max(o.longest, ended.Sub(began))
	switch {
	case answer.StatusCode == http.StatusOK && answer.Text == v.upn:
		o.served++
		if !o.backAt.IsZero() && o.firstServedAt.IsZero() {
			o.firstServedAt = ended
		}
	case answer.StatusCode >= http.StatusInternalServerError:
		o.errors++
	default:
		o.wrong++
	}
}

// isBack records that Redis has recovered.
func (o *outage) isBack() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.backAt = time.Now()
}

// It is not parallel, because it measures time.
func TestR3_RedisIsKilledUnderLoad(t *testing.T) {
	server, idp := redistest.Start(t, "--appendonly", "yes", "--appendfsync", "always"), newIDP(t)
	instances := newPair(t, idp, server)
	var o outage
	var wait sync.WaitGroup
	stop := make(chan struct{})
	for _, user := range idp.Users()[:4] {
		v := newVisitor(t, user.UPN)
		v.mustSignIn(instances[0])
		for _, a := range instances {
			wait.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
						o.ask(v, a)
					}
				}
			})
		}
	}
	<-time.After(time.Second)
	server.Stop()
	<-time.After(time.Second)
	server.Restart()
	o.isBack()
	<-time.After(3 * time.Second)
	close(stop)
	wait.Wait()
	if o.served == 0 || o.longest < 100*time.Millisecond && o.errors == 0 || o.firstServedAt.IsZero() {
		t.Fatalf("no outage seen, or no recovery: %d served, %d errors, longest %v\n%s", o.served, o.errors, o.longest, instances[0].log)
	}
	report(t, "R3", "sign-outs and wrong answers while Redis is killed", "%d", o.wrong)
	report(t, "R3", "first answer after Redis is back", "%v", o.firstServedAt.Sub(o.backAt).Round(time.Millisecond))
	report(t, "R3", "requests that failed while Redis was killed", "%d", o.errors)
	report(t, "R3", "longest request while Redis was killed", "%v", o.longest.Round(time.Millisecond))
}
