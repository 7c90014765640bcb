package sessionmodel_test

import (
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fibermsal/fibermsal/internal/figure"
	"github.com/fibermsal/fibermsal/internal/sessionmodel"
)

// tally counts what the users of a week saw.
type tally struct {
	mu       sync.Mutex // guards what follows
	views    int
	requests int
	signIns  int
	ends     map[string]int // sign-outs by reason; "" is none
	errors   map[string]int // by status and cause
	outages  []outage
	overdue  []string // sessions that outlived their limits
	wrong    int      // other users, or unexpected answers
	peakHeap uint64
	leftOver int // entries of the storage at the end
}

// outage is a period in which errors have a cause.
type outage struct {
	name        string
	begin, over time.Time
}

// aftermath is how long after an outage errors are still caused by it.
const aftermath = 20 * time.Second

func newTally() *tally { return &tally{ends: make(map[string]int), errors: make(map[string]int)} }

func (s *tally) count(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

func (s *tally) view()     { s.count(func() { s.views++ }) }
func (s *tally) served()   { s.count(func() { s.requests++ }) }
func (s *tally) signedIn() { s.count(func() { s.signIns++ }) }

func (s *tally) outlived(what string) { s.count(func() { s.overdue = append(s.overdue, what) }) }
func (s *tally) signedOut(reason string) {
	s.count(func() {
		s.requests++
		s.ends[reason]++
	})
}

func (s *tally) outage(name string, period time.Duration) {
	s.count(func() { s.outages = append(s.outages, outage{name, time.Now(), time.Now().Add(period + aftermath)}) })
}

// failed counts an answer that is an error.
func (s *tally) failed(status int, outcome sessionmodel.Outcome) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests++
	if outcome != sessionmodel.Unavailable {
		s.wrong++
	}
	cause := "no cause"
	for _, o := range s.outages {
		if now := time.Now(); now.After(o.begin) && now.Before(o.over) {
			cause = o.name
		}
	}
	s.errors[fmt.Sprintf("%d, %s", status, cause)]++
}

// heap measures the memory of the process.
func (s *tally) heap() {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	s.count(func() { s.peakHeap = max(s.peakHeap, m.HeapInuse) })
}

// report prints the week as a table, and checks it.
func (w *week) report(t *testing.T, took time.Duration) {
	t.Helper()
	s, e := w.seen, w.entra
	rows := [][2]string{
		{"users, on three instances", strconv.Itoa(len(w.users))},
		{"pages opened", strconv.Itoa(s.views)},
		{"requests", strconv.Itoa(s.requests)},
		{"sign-ins", strconv.Itoa(s.signIns)},
		{"token calls for renewals", strconv.Itoa(e.calls)},
		{"at most expected", strconv.Itoa(e.expected())},
		{"operations of the storage", strconv.Itoa(w.cluster.ops)},
		{"heap in use at most, with the emulator, in MB", strconv.FormatUint(s.peakHeap>>20, 10)},
		{"entries of the storage at the end, all expired", strconv.Itoa(s.leftOver)},
	}
	for _, reason := range slices.Sorted(maps.Keys(s.ends)) {
		rows = append(rows, [2]string{"answers to sign in: " + orNoReason(reason), strconv.Itoa(s.ends[reason])})
	}
	for _, kind := range slices.Sorted(maps.Keys(s.errors)) {
		rows = append(rows, [2]string{"errors: " + kind, strconv.Itoa(s.errors[kind])})
	}
	rows = append(rows, [2]string{"sessions that outlived their limits", strconv.Itoa(len(s.overdue))})
	var b strings.Builder
	for _, row := range rows {
		fmt.Fprintf(&b, "| %s | %s |\n", row[0], row[1])
	}
	t.Logf("a week in %v\n\n| figure | value |\n|---|---|\n%s", took.Round(time.Second), b.String())
	w.reportFigures(t)
	w.check(t)
}

// reportFigures reports what the scorecard shows of the week.
func (w *week) reportFigures(t *testing.T) {
	t.Helper()
	s, e := w.seen, w.entra
	for _, f := range [][2]string{
		{"users signed out by faults in a simulated week", fmt.Sprintf("%d of %d", s.ends[""], len(w.users))},
		{"requests of the week that got another user, or nonsense", fmt.Sprintf("%d of %d", s.wrong, s.requests)},
		{"sessions of the week that outlived their limits", fmt.Sprintf("%d of %d", len(s.overdue), s.signIns)},
		{"token calls of the week", fmt.Sprintf("%d, at most %d expected", e.calls, e.expected())},
		{"heap in use at most, with the emulator", fmt.Sprintf("%d MB", s.peakHeap>>20)},
	} {
		figure.Report(t, figure.Figure{Row: "R21", Name: f[0], Value: f[1]})
	}
}

func orNoReason(reason string) string {
	if reason == "" {
		return "signed out by a fault"
	}
	return reason
}

// check checks the promises.
func (w *week) check(t *testing.T) {
	t.Helper()
	s, e := w.seen, w.entra
	for what, wrong := range map[string]bool{
		"users were signed out by faults":             s.ends[""] > 0,
		"sessions outlived their limits":              len(s.overdue) > 0,
		"requests got another user, or nonsense":      s.wrong > 0,
		"errors without a cause":                      slices.ContainsFunc(slices.Collect(maps.Keys(s.errors)), func(k string) bool { return strings.HasSuffix(k, "no cause") }),
		"more token calls than expected":              e.calls > e.expected(),
		"no calls, sign-ins or outages at all":        e.calls == 0 || s.signIns == 0 || len(s.errors) == 0,
		"a key that does not expire, or expires late": w.cluster.wrongTTL() != nil,
	} {
		if wrong {
			t.Error(what)
		}
	}
	for _, err := range []error{w.err, e.wrong, w.cluster.wrongTTL()} {
		if err != nil {
			t.Error(err)
		}
	}
}
