package sessionmodel_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	core "github.com/fibermsal/fibermsal/entra"
	"github.com/fibermsal/fibermsal/internal/record"
	"github.com/fibermsal/fibermsal/internal/sealed"
	"github.com/fibermsal/fibermsal/internal/sessionmodel"
)

// begin begins a step. Requests run in goroutines of their own, and overlap with later steps.
func (r *run) begin(step *sessionmodel.Step) {
	i, b := r.instances[step.Instance], r.browsers[step.Browser]
	var session *tracked // as it is when the step begins
	r.locked(func() { session = b.session })
	switch step.Kind {
	case sessionmodel.Visit, sessionmodel.Token:
		r.on(i, func() { r.visit(i, session, step.Kind) })
	case sessionmodel.SignIn:
		r.on(i, func() { r.signIn(i, b, step.User) })
	case sessionmodel.SignOut:
		r.on(i, func() { r.signOut(i, session) })
	case sessionmodel.EndSessions:
		r.on(i, func() { r.endSessions(i, step.User) })
	case sessionmodel.Crash, sessionmodel.Deploy:
		r.replace(step)
	default:
		r.inject(step, i)
	}
}

// on begins work on an instance.
func (r *run) on(i *instance, work func()) {
	i.underWay.Add(1)
	r.steps.Go(func() {
		defer i.underWay.Done()
		work()
	})
}

// inject begins a fault.
func (r *run) inject(step *sessionmodel.Step, i *instance) {
	until := time.Now().Add(step.For)
	switch step.Kind { //nolint:exhaustive // the others are no faults
	case sessionmodel.StorageDown:
		r.cluster.down(step.For)
	case sessionmodel.ReadOnly:
		r.cluster.freeze(step.For)
	case sessionmodel.Partition:
		i.connection.inject(func(c *connection) { c.awayUntil = later(c.awayUntil, until) })
	case sessionmodel.LoseReplies:
		i.connection.inject(func(c *connection) { c.lose += step.Times })
	case sessionmodel.Refuse:
		i.connection.inject(func(c *connection) { c.refuse += step.Times })
	case sessionmodel.Revoke:
		r.mu.Lock()
		r.model.Revoked(step.User, time.Now())
		r.mu.Unlock()
		r.entra.mu.Lock()
		r.entra.revokedAt[logins[step.User]] = time.Now()
		r.entra.mu.Unlock()
		return
	case sessionmodel.EntraDown, sessionmodel.LoseAnswers:
		r.entra.mu.Lock()
		if step.Kind == sessionmodel.EntraDown {
			r.entra.downUntil = later(r.entra.downUntil, until)
		}
		r.entra.lose += step.Times
		r.entra.mu.Unlock()
	}
	r.entra.excuse()
}

// seen is a request to an instance, seen from its beginning.
func (r *run) seen(i *instance, s *tracked, begin time.Time, outcome sessionmodel.Outcome) *sessionmodel.Seen {
	return &sessionmodel.Seen{
		Session: s.Session, Instance: i.index, Begin: begin, End: time.Now(), Outcome: outcome,
		StorageFailed: i.connection.failedSince(begin.Add(-storagePause)) || r.lockedByCrash(begin),
		EntraFailed:   r.entra.failedSince(begin.Add(-entraPause)),
	}
}

// lockedByCrash reports whether an instance that crashed may hold a lock.
func (r *run) lockedByCrash(at time.Time) bool {
	return at.Before(r.crashedAt.Add(lockTTL + storagePause))
}

// visit asks an instance for the user, or the token, of a session.
func (r *run) visit(i *instance, s *tracked, kind sessionmodel.Kind) {
	begin := time.Now()
	path := map[sessionmodel.Kind]string{sessionmodel.Visit: "/who", sessionmodel.Token: "/token"}[kind]
	w := i.get(path, jar{sessionCookie: s.cookie})
	r.mu.Lock()
	defer r.mu.Unlock()
	if i.connection.isCut() { // nobody gets the response
		r.model.MayProlong(s.Session, i.index, begin, time.Now())
		return
	}
	seen := r.seen(i, s, begin, outcomeOf(w.Code, w.Body.String(), logins[s.User]))
	if kind == sessionmodel.Visit {
		r.check(r.model.Visited(seen))
	} else {
		r.check(r.model.GotToken(seen))
	}
}

func outcomeOf(status int, body, login string) sessionmodel.Outcome {
	switch {
	case status == http.StatusOK && body == login:
		return sessionmodel.SignedIn
	case status == http.StatusOK:
		return sessionmodel.OtherUser
	case status == http.StatusUnauthorized, status == http.StatusSeeOther:
		return sessionmodel.SignedOut
	case status == http.StatusServiceUnavailable:
		return sessionmodel.Unavailable
	}
	return sessionmodel.Unexpected
}

// signOut signs the user of a session out.
func (r *run) signOut(i *instance, s *tracked) {
	begin := time.Now()
	r.locked(func() { s.MayEnd(begin) })
	w := i.send(newRequest(http.MethodPost, "/user/logout"), jar{sessionCookie: s.cookie})
	r.mu.Lock()
	defer r.mu.Unlock()
	seen := r.seen(i, s, begin, 0)
	r.model.MayProlong(s.Session, i.index, begin, seen.End)
	switch {
	case i.connection.isCut():
	case w.Code == http.StatusSeeOther:
		s.End(seen.End)
	case w.Code == http.StatusServiceUnavailable && seen.StorageFailed:
		s.Promise(i.index, seen.End)
	default:
		r.check(fmt.Errorf("%s: sign-out: status %d (the storage failed: %v)", s.Name, w.Code, seen.StorageFailed))
	}
}

// endSessions ends all sessions of a user.
func (r *run) endSessions(i *instance, user int) {
	u, _ := r.entra.idp.User(logins[user])
	begin := time.Now()
	var ending *sessionmodel.Ending
	r.locked(func() { ending = r.model.BeginEnding(user, begin) })
	_, err := i.auth.EndSessions(context.Background(), core.SessionFilter{TenantID: r.entra.idp.TenantID, UserID: u.ID})
	r.mu.Lock()
	defer r.mu.Unlock()
	r.model.FinishEnding(ending, time.Now(), err == nil && !i.connection.isCut())
	if err != nil && !i.connection.isCut() && !i.connection.failedSince(begin.Add(-storagePause)) {
		r.check(fmt.Errorf("EndSessions: %w", err))
	}
}

func (r *run) locked(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f()
}

// signIn signs a user in, in a browser in which another user may be signed in.
func (r *run) signIn(i *instance, b *browser, user int) {
	began := time.Now()
	var cookies jar
	r.locked(func() {
		cookies = jar{sessionCookie: b.session.cookie}
		b.session.MayEnd(began)
		r.model.MayProlong(b.session.Session, i.index, began, began.Add(limits.Slack))
	})
	var begin time.Time
	var code string
	replaced := cookies[sessionCookie]
	status, err := i.signIn(r.entra, logins[user], cookies, func(c string) { begin, code = time.Now(), c })
	r.mu.Lock()
	defer r.mu.Unlock()
	switch cookie := cookies[sessionCookie]; {
	case i.connection.isCut():
	case err != nil:
		r.check(err)
	case status == http.StatusSeeOther && cookie != "" && cookie != replaced:
		s := &tracked{r.model.SignedIn(user, begin, time.Now()), cookie, r.entra.lineageOf(code)}
		r.tracked = append(r.tracked, s)
		r.endReplaced(replaced)
		b.session = s
	case status == http.StatusServiceUnavailable && (r.entra.failedSince(began.Add(-entraPause)) || i.connection.failedSince(began.Add(-storagePause))):
	case status == http.StatusUnauthorized && r.model.MayRefuse(user, begin):
	default:
		r.check(fmt.Errorf("a sign-in of user %d failed: status %d", user, status))
	}
}

// endReplaced records that a sign-in has ended the previous session of the browser.
func (r *run) endReplaced(cookie string) {
	for _, s := range r.tracked {
		if s.cookie == cookie {
			s.End(time.Now())
		}
	}
}

func (e *entra) lineageOf(code string) *lineage {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.byCode[code]
}

// replace restarts an instance. In a deployment it completes its requests first, and then has the next
// step of the key rotation, unless the other instance is behind.
func (r *run) replace(step *sessionmodel.Step) {
	old, stage := r.instances[step.Instance], r.instances[step.Instance].stage
	if step.Kind == sessionmodel.Deploy && stage <= r.instances[1-step.Instance].stage {
		stage++
	}
	next, err := r.start(step.Instance, stage)
	r.mu.Lock()
	r.check(err)
	r.instances[step.Instance] = next
	r.mu.Unlock()
	if step.Kind == sessionmodel.Crash {
		old.connection.crash()
		r.locked(func() { r.crashedAt = time.Now() })
		r.disturb()
	}
	r.steps.Go(func() {
		old.close()
		r.locked(func() {
			r.model.Crashed(step.Instance)
			r.excuseUnstored()
		})
	})
}

// excuseUnstored records that an instance has ended that may have had refresh tokens which it could not
// store.
func (r *run) excuseUnstored() {
	for _, s := range r.tracked {
		if stored, err := r.holdsNewest(s); err == nil && !stored {
			r.entra.mayHaveLost(s.lineage)
		}
	}
}

// records returns the storage as an instance with all keys sees it.
func (r *run) records() *record.Store {
	return record.NewStore(r.cluster.memory, allKeys(), r.entra.idp.ClientID)
}

// holdsNewest reports whether the session's newest refresh token is in the storage.
func (r *run) holdsNewest(s *tracked) (bool, error) {
	id, _ := record.SessionID(s.cookie)
	content, err := r.records().Get(context.Background(), id, record.Tokens)
	if errors.Is(err, record.ErrNotFound) {
		return false, nil
	}
	isStored := func(token string) bool { return strings.Contains(string(content), `"`+token+`"`) }
	return err == nil && slices.ContainsFunc(r.entra.newest(s.lineage), isStored), err
}

// isStored reports whether the storage has a record of a session.
func (r *run) isStored(s *tracked) bool {
	id, _ := record.SessionID(s.cookie)
	for _, kind := range []record.Kind{record.Session, record.Tokens} {
		if _, err := r.records().Sealed(context.Background(), id, kind); !errors.Is(err, record.ErrNotFound) {
			return true
		}
	}
	return false
}

// allKeys are the keys of all stages that a history can reach.
var allKeys = sync.OnceValue(func() *sealed.Ring {
	const reachable = 12 // a stage for each deployment, and a key for every second stage
	var keys [][]byte
	for n := range reachable {
		keys = append(keys, keyOf(n))
	}
	ring, err := sealed.NewRing(keys, "records")
	if err != nil {
		panic(err)
	}
	return ring
})
