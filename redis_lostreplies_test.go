package fibermsal_test

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/internal/faultproxy"
	"github.com/fibermsal/fibermsal/internal/figure"
	"github.com/fibermsal/fibermsal/internal/redistest"
)

// redisCommands returns the commands that the visit has sent to Redis, in order.
type redisCommands struct {
	count atomic.Int32
	lose  []int32 // the numbers of those whose reply gets lost, the first is 1
	names [64]atomic.Pointer[string]
}

func (r *redisCommands) match(command []string) bool {
	n := r.count.Add(1)
	if int(n) <= len(r.names) {
		name := strings.ToLower(command[0])
		if len(command) > 1 {
			name += " " + kindOfKey(command)
		}
		r.names[n-1].Store(&name)
	}
	return slices.Contains(r.lose, n)
}

// kindOfKey returns the kind of a command's keys.
func kindOfKey(command []string) string {
	for _, part := range command[1:] {
		for suffix, kind := range map[string]string{"}:s": "session", "}:t": "tokens", "}:l": "lock"} {
			if strings.HasSuffix(part, suffix) {
				return kind
			}
		}
		for infix, kind := range map[string]string{":u:": "marker", ":i:": "list"} {
			if strings.Contains(part, infix) {
				return kind
			}
		}
	}
	return "?"
}

// first returns the names of the first n.
func (r *redisCommands) first(n int32) (names []string) {
	for i := range min(n, r.count.Load(), int32(len(r.names))) {
		names = append(names, *r.names[i].Load())
	}
	return names
}

func (r *redisCommands) lost() string {
	var names []string
	for _, n := range r.lose {
		if n <= r.count.Load() {
			names = append(names, r.first(n)[n-1])
		}
	}
	return fmt.Sprintf("%d (%s)", r.lose, strings.Join(names, ", "))
}

// If a reply of Redis is lost, it is unknown whether the command was executed. This test repeats the
// life of a session and loses a different reply each time. The client repeats the command, and the user
// does not notice. The marker of a used response and the lock of a renewal contain their owner, so a
// repetition succeeds.
func TestG7_LostReplyOfAnyCommandIsNotNoticed(t *testing.T) {
	t.Parallel()
	loseEachReply(t, 1, 1, func(l *life) {
		if calls := l.idp.Count(entratest.Token); calls != 4 {
			l.fail("%d token calls, want one for the sign-in and three renewals", calls)
		}
	}, http.StatusSeeOther)
}

// If the second try fails as well, a user may get a 503, and the next request works. No data is lost
// permanently, and no user is signed out.
func TestG7_ReplyLostTwiceIsA503AtMost(t *testing.T) {
	t.Parallel()
	loseEachReply(t, 2, 3, func(*life) {}, http.StatusSeeOther, http.StatusServiceUnavailable)
}

// loseEachReply repeats a session's life for each of its commands. The reply to the command and to the
// following ones are lost, inARow in total. A step may take several tries. A check follows the
// renewals, and the sign-out must end with one of the given statuses.
func loseEachReply(t *testing.T, inARow int32, tries int, renewed func(*life), signedOut ...int) {
	t.Helper()
	server := redistest.Start(t)
	commands := commandsOfALife(t, server)
	prolonging := slices.Index(commands, "pexpire session")
	for i, command := range commands {
		lose := make([]int32, inARow)
		for j := range lose {
			lose[j] = int32(i + 1 + j)
		}
		t.Run(fmt.Sprint(lose[0], " ", command), func(t *testing.T) {
			t.Parallel()
			l := newLife(t, server, lose...)
			l.signsIn(tries)
			for range 3 { // which renew: the tokens are short-lived, and each refresh token good for one use
				l.hasToken(tries)
			}
			renewed(l)
			if i >= prolonging-1 { // what was lost before is long over
				l.isProlonged(tries)
			}
			l.signsOut(signedOut...)
			if l.slowest > 4*time.Second { // the lock of a process that is gone lasts five
				l.fail("one request took %v", l.slowest)
			}
		})
	}
}

// commandsOfALife returns the commands of a session's life.
func commandsOfALife(t *testing.T, server *redistest.Server) []string {
	t.Helper()
	var l *life
	for range 2 { // the first time, Redis does not know the scripts
		l = newLife(t, server)
		l.signsIn(1)
		for range 3 {
			l.hasToken(1)
		}
		l.isProlonged(1)
		l.signsOut(http.StatusSeeOther)
	}
	names := l.commands.first(l.commands.count.Load())
	all := strings.Join(names, ", ")
	t.Logf("%d commands: %s", len(names), all)
	figure.Report(t, figure.Figure{Row: "G7", Name: "commands whose reply was lost, each once", Value: strconv.Itoa(len(names))})
	for _, kind := range []string{"set marker", "evalsha lock", "set session", "set tokens", "evalsha list", "pexpire session", "evalsha tokens", "del session"} {
		if !strings.Contains(all, kind) {
			t.Errorf("no %q among the commands", kind)
		}
	}
	return names
}

// life is the life of a session during which some replies of Redis are lost. All data must be stored.
type life struct {
	*browser
	t        *testing.T
	server   *redistest.Server
	commands redisCommands
	proxy    *faultproxy.Proxy
	slowest  time.Duration
}

func newLife(t *testing.T, server *redistest.Server, lose ...int32) *life {
	t.Helper()
	idp := newRegistration(t, entratest.WithAccessTokenLifetime(shortLived), entratest.WithOneTimeRefreshTokens())
	d := behindNetwork(t, server, idp, "?read_timeout=10s&pool_timeout=10s", func(cfg *fibermsal.Config) { cfg.IdleTimeout = 6 * time.Second })
	l := &life{browser: d.browser(), t: t, server: server, proxy: d.proxy}
	l.commands.lose = lose
	l.proxy.DropReplies(1<<30, l.commands.match)
	return l
}

func (l *life) fail(format string, args ...any) {
	l.t.Helper()
	l.t.Errorf("reply %s lost: %s\n%s", l.commands.lost(), fmt.Sprintf(format, args...), l.log)
}

// timed sends a request and records the longest duration.
func (l *life) timed(send func() *answer) *answer {
	l.t.Helper()
	began := time.Now()
	a := send()
	l.slowest = max(l.slowest, time.Since(began))
	return a
}

// signsIn tries to sign in up to the given number of times. A failed try must be a 503 without a
// session.
func (l *life) signsIn(tries int) {
	l.t.Helper()
	for range tries {
		a := l.timed(func() *answer { return l.Send(l.approve(l.start(""), adele).Request()) })
		switch {
		case a.StatusCode == http.StatusSeeOther && l.session() != "":
			return
		case a.StatusCode != http.StatusServiceUnavailable || l.session() != "":
			l.t.Fatalf("reply %s lost: sign-in: status %d, session %q\n%s", l.commands.lost(), a.StatusCode, l.session(), a.Text)
		}
	}
	l.t.Fatalf("reply %s lost: no sign-in in %d tries\n%s", l.commands.lost(), tries, l.log)
}

// hasToken requests a token up to the given number of times. A failed try must be a 503 that keeps the
// cookie.
func (l *life) hasToken(tries int) {
	l.t.Helper()
	for range tries {
		a := l.timed(func() *answer { return l.Get("/token") })
		switch {
		case a.StatusCode == http.StatusOK && a.Text == adele:
			return
		case !isUnavailable(a):
			l.fail("token: status %d %s, cookies %v", a.StatusCode, a.Text, a.Cookies())
			return
		}
	}
	l.fail("no token in %d tries", tries)
}

// isProlonged waits until the session's end has to slide.
func (l *life) isProlonged(tries int) {
	l.t.Helper()
	<-time.After(700 * time.Millisecond) // a tenth of the idle time
	var left time.Duration
	for range tries {
		if a := l.Get("/guarded"); a.StatusCode != http.StatusOK && !isUnavailable(a) {
			l.fail("page: status %d", a.StatusCode)
		}
		for _, key := range keysOfSession(l.t, l.server, l.session()) {
			left = l.server.Client().PTTL(l.t.Context(), key).Val()
			if left < 5500*time.Millisecond {
				break
			}
		}
		if left >= 5500*time.Millisecond {
			return
		}
		<-time.After(1100 * time.Millisecond) // after a failure, nobody tries for a while
	}
	l.fail("the session lives for %v: not prolonged", left)
}

// signsOut checks that the session has ended permanently.
func (l *life) signsOut(allowed ...int) {
	l.t.Helper()
	cookie := l.session()
	a := l.timed(func() *answer { return l.Send(request(http.MethodPost, "/user/logout", "")) })
	if !slices.Contains(allowed, a.StatusCode) || l.session() != "" {
		l.fail("sign-out: status %d %s, session %q", a.StatusCode, a.Text, l.session())
	}
	status, _ := l.glance("/guarded", cookie)
	if status == http.StatusServiceUnavailable && len(l.commands.lose) > 1 {
		status, _ = l.glance("/guarded", cookie)
	}
	if status != http.StatusUnauthorized {
		l.fail("after the sign-out: status %d", status)
	}
	for until := time.Now().Add(10 * time.Second); len(keysOfSession(l.t, l.server, cookie)) != 0; <-time.After(20 * time.Millisecond) {
		if time.Now().After(until) {
			l.fail("left: %v", keysOfSession(l.t, l.server, cookie))
			return
		}
	}
}
