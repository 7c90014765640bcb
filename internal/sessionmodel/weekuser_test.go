package sessionmodel_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	core "github.com/fibermsal/fibermsal/entra"
	"github.com/fibermsal/fibermsal/internal/sessionmodel"
)

// user is a user of the week, with one browser.
type user struct {
	week   *week
	number int
	login  string
	jar    jar
	random *rand.Rand

	mu       sync.Mutex // guards what follows, of the present session
	signedIn time.Time  // zero: signed out
	lastUse  time.Time
	revoked  bool // at Entra, so that its next renewal fails
	// mayEnd and ended are when the app began to end the user's sessions, and had ended them.
	mayEnd, ended time.Time
}

// live works on five days, most of the day. Some are on call, and work around the clock on two days.
func (u *user) live() {
	onCall := u.number%50 == 7
	for d := range 5 {
		begin := monday.Add(time.Duration(d)*day + 8*time.Hour + u.upTo(2*time.Hour))
		end := begin.Add(7*time.Hour + u.upTo(2*time.Hour))
		if onCall && d == 1 {
			end = begin.Add(40 * time.Hour)
		}
		if time.Now().After(begin) {
			continue
		}
		time.Sleep(time.Until(begin))
		for time.Now().Before(end) {
			u.view()
			time.Sleep(u.upTo(2 * viewEvery))
		}
		if u.random.IntN(3) == 0 {
			u.signOut()
		}
	}
}

func (u *user) upTo(d time.Duration) time.Duration { return time.Duration(u.random.Int64N(int64(d))) }

// view opens a page, whose parts ask for the user and for a token at the same time, on any instance.
func (u *user) view() {
	u.week.seen.view()
	if !u.isSignedIn() {
		u.signIn()
	}
	var parts sync.WaitGroup
	var isOut [3]bool
	for n, path := range []string{"/who", "/token", "/token"} {
		parts.Go(func() { isOut[n] = u.request(path) })
	}
	parts.Wait()
	if isOut[0] || isOut[1] || isOut[2] {
		u.signIn()
	}
}

func (u *user) isSignedIn() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return !u.signedIn.IsZero()
}

// request sends a request, and reports whether the answer was to sign in.
func (u *user) request(path string) (signedOut bool) {
	i, done := u.week.choose()
	defer done()
	begin := time.Now()
	w := i.get(path, jar{sessionCookie: u.jar[sessionCookie]})
	if i.connection.isCut() {
		return false
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	seen, outcome := u.week.seen, outcomeOf(w.Code, w.Body.String(), u.login)
	switch outcome {
	case sessionmodel.SignedIn:
		if u.mustBeOver(begin) {
			seen.outlived(fmt.Sprintf("%s at %v", u.login, time.Since(monday)))
		}
		seen.served()
	case sessionmodel.SignedOut:
		seen.signedOut(u.reason(path, begin))
	default:
		seen.failed(w.Code, outcome)
	}
	if outcome == sessionmodel.SignedOut {
		return true
	}
	u.lastUse = time.Now()
	return false
}

// mustBeOver reports whether the session has outlived its limits.
func (u *user) mustBeOver(at time.Time) bool {
	return at.After(u.lastUse.Add(weekTimeouts.idle+time.Minute)) || at.After(u.signedIn.Add(weekTimeouts.absolute+time.Minute)) ||
		u.ended.After(u.signedIn) && at.After(u.ended)
}

// reason returns why a user may be signed out, or "".
func (u *user) reason(path string, begin time.Time) string {
	switch idle := begin.Sub(u.lastUse); {
	case u.mayEnd.After(u.signedIn):
		return "ended by the app"
	case u.revoked && path == "/token":
		return "revoked at Entra"
	case begin.After(u.signedIn.Add(weekTimeouts.absolute - time.Minute)):
		return "absolute timeout"
	case idle > weekTimeouts.idle-weekTimeouts.idle/10-time.Minute:
		return "idle timeout"
	}
	return ""
}

// signIn signs in, and repeats it while that fails.
func (u *user) signIn() {
	for {
		begin := time.Now()
		status := u.week.signIn(u)
		if status == http.StatusSeeOther && u.jar[sessionCookie] != "" {
			u.mu.Lock()
			u.signedIn, u.lastUse, u.revoked = begin, time.Now(), false
			u.mu.Unlock()
			u.week.seen.signedIn()
			return
		}
		u.week.seen.failed(status, sessionmodel.Unavailable)
		time.Sleep(5*time.Second + u.upTo(10*time.Second))
	}
}

// signOut signs out.
func (u *user) signOut() {
	i, done := u.week.choose()
	defer done()
	w := i.send(newRequest(http.MethodPost, "/user/logout"), u.jar)
	if w.Code != http.StatusSeeOther {
		u.week.seen.failed(w.Code, sessionmodel.Unavailable)
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.signedIn = time.Time{}
}

// endSessions ends the user's sessions, as an administrator of the app.
func (u *user) endSessions() {
	i, done := u.week.choose()
	defer done()
	u.mu.Lock()
	u.mayEnd = time.Now()
	u.mu.Unlock()
	person, _ := u.week.entra.idp.User(u.login)
	_, err := i.auth.EndSessions(background(), core.SessionFilter{TenantID: u.week.entra.idp.TenantID, UserID: person.ID})
	u.mu.Lock()
	defer u.mu.Unlock()
	if err == nil {
		u.ended = time.Now()
	}
}

// revoke revokes the user's refresh tokens.
func (u *user) revoke() {
	u.mu.Lock()
	u.revoked = true
	u.mu.Unlock()
	u.week.entra.mu.Lock()
	defer u.week.entra.mu.Unlock()
	u.week.entra.revokedAt[u.login] = time.Now()
}
