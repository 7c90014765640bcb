package sessionmodel_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fibermsal/fibermsal/entratest"
)

// weekTimeouts are the defaults of Config.
var weekTimeouts = timeouts{idle: 8 * time.Hour, absolute: 24 * time.Hour}

const (
	replicas = 3
	day      = 24 * time.Hour
	// viewEvery is how often a user opens a page, on average.
	viewEvery = 15 * time.Minute
)

// monday is when the week begins. Virtual time begins on a Saturday.
var monday = virtual.Add(2 * day)

// weekKeys are the keys of the deployments of the week: the second key is appended, moved to the front, and left
// alone.
var weekKeys = [][][]byte{{keyOf(0)}, {keyOf(0), keyOf(1)}, {keyOf(1), keyOf(0)}, {keyOf(1)}}

// week is an organization's week.
type week struct {
	cluster *cluster
	entra   *entra
	users   []*user
	seen    *tally

	mu        sync.Mutex // guards what follows
	random    *rand.Rand
	instances []*instance
	stage     int
	err       error
}

// TestWeek simulates the week of an organization on three instances in virtual time: working days,
// sessions that idle and that reach their absolute end, rotations of the app's keys and of Entra's,
// revocations, outages of the storage and of Entra, a crash, and deployments (threats D11, D12, E5, G1,
// G2, G9, G11, G15). It prints a table. No user is signed out by a fault, no session outlives its
// limits, and no token is requested twice.
//
// FIBERMSAL_SOAK makes it ten thousand users, and FIBERMSAL_WEEK as many as it says.
func TestWeek(t *testing.T) {
	users := 100
	if os.Getenv("FIBERMSAL_SOAK") != "" {
		users = 10_000
	}
	if n, err := strconv.Atoi(os.Getenv("FIBERMSAL_WEEK")); err == nil {
		users = n
	}
	idp := newOrganization(users)
	began := time.Now()
	var w *week
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(monday))
		w = newWeek(t, users, idp)
		w.run()
	})
	w.report(t, time.Since(began))
}

// newOrganization makes the Entra of an organization.
func newOrganization(users int) *entratest.Server {
	people := make([]entratest.User, users)
	for n := range people {
		people[n] = entratest.User{ID: fmt.Sprintf("00000000-0000-4000-8000-%012d", n+1), UPN: loginOf(n), Mail: loginOf(n), DisplayName: loginOf(n)}
	}
	return entratest.New(entratest.WithUsers(people...), entratest.WithAutoSignIn(), entratest.WithClientSecret("secret of the week"),
		entratest.WithRedirectURI(redirectURI), entratest.WithLogoutURI(origin+"/"))
}

func loginOf(n int) string { return fmt.Sprintf("user%d@contoso.com", n) }

func newWeek(t *testing.T, users int, idp *entratest.Server) *week {
	t.Helper()
	random := func(n uint64) *rand.Rand { return rand.New(rand.NewPCG(n, 5)) }
	w := &week{cluster: newCluster(weekTimeouts.absolute, random(1)), entra: newEntra(idp, weekTimeouts.absolute, random(2)), seen: newTally(), random: random(3)}
	w.cluster.failed = w.entra.excuse
	for n := range users {
		w.users = append(w.users, &user{week: w, number: n, login: loginOf(n), jar: jar{}, random: random(uint64(n) + 100)})
	}
	for index := range replicas {
		w.instances = append(w.instances, w.start(index))
	}
	return w
}

func (w *week) start(index int) *instance {
	i, err := start(index, w.stage, weekKeys[w.stage], w.cluster, w.entra, weekTimeouts)
	if err != nil {
		panic(err)
	}
	return i
}

// run simulates the week.
func (w *week) run() {
	var all sync.WaitGroup
	all.Go(w.operate)
	all.Go(w.administer)
	for _, u := range w.users {
		all.Go(u.live)
	}
	all.Wait()
	w.seen.heap()
	time.Sleep(time.Until(monday.Add(7 * day)))
	for _, i := range w.instances {
		i.close()
	}
	w.seen.leftOver = w.cluster.memory.Len()
}

// choose returns the instance that serves the next request. The caller calls done when it has been served.
func (w *week) choose() (i *instance, done func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	i = w.instances[w.random.IntN(len(w.instances))]
	i.underWay.Add(1)
	return i, i.underWay.Done
}

// operate is what operators do and what fails, at these hours of the week.
func (w *week) operate() {
	for _, event := range []struct {
		hour float64
		what func()
	}{
		{10, func() { w.storageDown(40 * time.Second) }},
		{24 + 3, func() { w.rotateEntra() }},
		{24 + 11, func() { w.storageDown(3 * time.Minute) }},
		{24 + 12.5, func() { w.deploy(1) }},
		{48 + 10.25, func() { w.crash() }},
		{48 + 14, func() { w.entraDown(10 * time.Minute) }},
		{48 + 16, func() { w.deploy(2) }},
		{72 + 9.5, func() { w.entraDown(25 * time.Minute) }},
		{72 + 15, func() { w.partition(2 * time.Minute) }},
		{96 + 11.5, func() { w.loseReplies(20) }},
		{96 + 17.5, func() { w.deploy(3) }},
	} {
		time.Sleep(time.Until(monday.Add(time.Duration(event.hour * float64(time.Hour)))))
		w.seen.heap()
		event.what()
	}
}

func (w *week) storageDown(period time.Duration) {
	w.seen.outage("storage down", period)
	w.cluster.down(period)
}

func (w *week) entraDown(period time.Duration) {
	w.seen.outage("Entra down", period)
	w.entra.mu.Lock()
	w.entra.downUntil = time.Now().Add(period)
	w.entra.mu.Unlock()
	time.Sleep(period)
	w.entra.excuse()
}

// partition cuts one instance off the storage.
func (w *week) partition(period time.Duration) {
	w.seen.outage("one instance without storage", period)
	w.instances[1].connection.inject(func(c *connection) { c.awayUntil = time.Now().Add(period) })
}

// loseReplies loses replies of the storage to each instance, which takes as long as there are few requests.
func (w *week) loseReplies(n int) {
	w.seen.outage("lost replies", 10*time.Minute)
	for _, i := range w.instances {
		i.connection.inject(func(c *connection) { c.lose = n })
	}
}

// rotateEntra replaces Entra's signing key, and removes the old one a day later.
func (w *week) rotateEntra() {
	w.entra.idp.RotateKeys()
	time.AfterFunc(day, w.entra.idp.RemoveOldKeys)
}

// deploy replaces all instances one after the other. They have the keys of a stage.
func (w *week) deploy(stage int) {
	w.stage = stage
	for index := range w.instances {
		next, old := w.start(index), w.instances[index]
		w.swap(index, next)
		old.close()
		time.Sleep(time.Minute)
	}
}

func (w *week) swap(index int, next *instance) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.instances[index] = next
}

// crash loses the memory of an instance.
func (w *week) crash() {
	old := w.instances[2]
	w.swap(2, w.start(2))
	old.connection.crash()
	w.entra.excuse()
	old.close()
}

// administer ends the sessions of some users, and revokes the tokens of others at Entra.
func (w *week) administer() {
	for n := range max(5, len(w.users)/20) {
		time.Sleep(5 * day / time.Duration(max(5, len(w.users)/20)) * 9 / 10)
		u := w.users[(n*37)%len(w.users)]
		if n%2 == 0 {
			u.endSessions()
		} else {
			u.revoke()
		}
	}
}

// signIn signs a user in at the service. The browser opens the login route, and is sent to Entra and back.
func (w *week) signIn(u *user) (status int) {
	i, done := w.choose()
	defer done()
	begun := i.get("/user/login", u.jar)
	if begun.Code != http.StatusSeeOther {
		return begun.Code
	}
	response, err := w.entra.idp.SignIn(begun.Header().Get("Location")+"&login_hint="+url.QueryEscape(u.login), u.login)
	if err != nil {
		w.fail(err)
		return 0
	}
	w.entra.idp.ResetRequests()
	other, done := w.choose()
	defer done()
	return other.send(response.Request(), u.jar).Code
}

func (w *week) fail(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		w.err = fmt.Errorf("%v: %w", time.Since(monday), err)
	}
}

func background() context.Context { return context.Background() }
