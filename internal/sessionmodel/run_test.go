package sessionmodel_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fibermsal/fibermsal/internal/sessionmodel"
)

const (
	// storagePause is how long after a fault of the storage an instance may still answer 503: its breaker is open, or
	// it waits for the lock of an instance that crashed.
	storagePause = 2 * time.Second
	// entraPause is as long as an instance may pause its calls of Entra after a fault.
	entraPause = 15 * time.Second
	// calm is how long after all faults everything has been repaired.
	calm = time.Minute
)

// run is the state of one running history.
type run struct {
	world   *world
	cluster *cluster
	entra   *entra
	random  *rand.Rand

	mu        sync.Mutex // guards what follows
	model     *sessionmodel.Model
	instances []*instance
	browsers  []*browser
	tracked   []*tracked
	crashedAt time.Time // an instance, last
	violation error

	steps sync.WaitGroup
}

// tracked is a session of the model with the library's identifiers for it.
type tracked struct {
	*sessionmodel.Session

	cookie  string
	lineage *lineage
}

// browser is a browser. It keeps the cookie of a session that has ended, as a thief would.
type browser struct {
	jar     jar
	session *tracked
}

// replay runs a history in virtual time and returns how it violates the model.
func replay(t *testing.T, w *world, h sessionmodel.History) (violation error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r, err := newRun(w, h.Seed)
		if err != nil {
			t.Fatal(err)
		}
		for _, step := range h.Steps {
			time.Sleep(step.After)
			r.begin(&step)
			if r.failed() != nil {
				break
			}
		}
		r.finish()
		violation = r.failed()
	})
	return violation
}

func newRun(w *world, seed uint64) (*run, error) {
	random := rand.New(rand.NewPCG(seed, 1))
	r := &run{
		world: w, random: random, model: sessionmodel.New(limits),
		cluster: newCluster(limits.Absolute, rand.New(rand.NewPCG(seed, 2))),
		entra:   newEntra(w.idp, limits.Absolute, rand.New(rand.NewPCG(seed, 3))),
	}
	r.cluster.failed = r.disturb
	time.Sleep(historyBegins)
	for _, s := range w.sessions {
		l, err := s.restore(r.cluster, r.entra)
		if err != nil {
			return nil, err
		}
		known := &tracked{r.model.SignedIn(s.user, virtual.Add(s.begin), virtual.Add(s.end)), s.cookies[sessionCookie], l}
		r.tracked = append(r.tracked, known)
		r.browsers = append(r.browsers, &browser{jar: jar{sessionCookie: known.cookie}, session: known})
	}
	stage := int(seed % 2) // with the next key, a deployment away from sealing with it, or without
	for index := range sessionmodel.Instances {
		i, err := r.start(index, stage)
		if err != nil {
			return nil, err
		}
		r.instances = append(r.instances, i)
	}
	return r, nil
}

// disturb records a fault of the storage, or a crash.
func (r *run) disturb() {
	r.entra.excuse()
	r.locked(func() { r.model.Disturbed(time.Now()) })
}

func (r *run) start(index, stage int) (*instance, error) {
	return start(index, stage, keyRing(stage), r.cluster, r.entra, timeouts{limits.Idle, limits.Absolute})
}

func (r *run) failed() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.violation
}

// check records the first violation.
func (r *run) check(err error) {
	if err != nil && r.violation == nil {
		r.violation = fmt.Errorf("%v after the beginning: %w", time.Since(virtual)-historyBegins, err)
	}
}

// finish waits until the storage and Entra have been working for a while, and compares all sessions with the model.
func (r *run) finish() {
	r.steps.Wait()
	if r.failed() == nil {
		r.recover()
		r.settle()
	}
	for _, i := range r.instances {
		i.close()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.check(r.cluster.wrongTTL())
	r.check(r.entra.wrong)
}

// recover ends all faults.
func (r *run) recover() {
	r.cluster.mu.Lock()
	r.cluster.downUntil, r.cluster.readOnly = time.Time{}, time.Time{}
	r.cluster.mu.Unlock()
	for _, i := range r.instances {
		i.connection.inject(func(c *connection) { c.awayUntil, c.lose, c.refuse = time.Time{}, 0, 0 })
	}
	r.entra.mu.Lock()
	r.entra.downUntil, r.entra.lose = time.Time{}, 0
	r.entra.mu.Unlock()
	time.Sleep(calm)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.model.Recovered(time.Now())
}

// settle asks both instances for the user of each session, and checks what is stored of it: the newest refresh token,
// or nothing if the session has ended (threats D7, D8, G14).
func (r *run) settle() {
	time.Sleep(time.Millisecond)
	for _, s := range r.tracked {
		for _, i := range r.instances {
			r.visit(i, s, sessionmodel.Visit)
			r.visit(i, s, sessionmodel.Token)
		}
	}
	time.Sleep(calm) // renewals in the background
	for _, s := range r.tracked {
		stored, err := r.holdsNewest(s)
		r.mu.Lock()
		switch {
		case err != nil:
		case !stored && !r.entra.isLost(s.lineage) && r.model.MustRemain(s.Session, time.Now()):
			err = fmt.Errorf("%s: its newest refresh token is not stored", s.Name)
		case r.model.MustBeGone(s.Session, time.Now()) && r.isStored(s):
			err = fmt.Errorf("%s: it has ended, and something of it is stored", s.Name)
		}
		r.check(err)
		r.mu.Unlock()
	}
}
