package sessionmodel_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fibermsal/fibermsal/internal/figure"
	"github.com/fibermsal/fibermsal/internal/sessionmodel"
)

// sharedBy is how many histories share a world, whose emulator remembers all sign-ins.
const sharedBy = 2000

// Random histories of two instances satisfy the model: no token of another user, no session that
// reappears, no lost refresh token, no key without expiry, one token call for each expiry, and no
// sign-out because the storage failed (threats B8, D8, D10 to D12, E5, E9, G2, G9, G11 to G14). A
// history that violates the model is printed as a test.
//
// FIBERMSAL_SEED repeats a history. FIBERMSAL_SOAK makes it run for ten minutes, and FIBERMSAL_MODEL as long as it
// says.
func TestModel_HoldsInRandomHistories(t *testing.T) {
	if text := os.Getenv("FIBERMSAL_SEED"); text != "" {
		seed, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		walk(t, newWorld(t), seed)
		return
	}
	var histories, steps, violations atomic.Int64
	until, began := time.Now().Add(duration()), time.Now()
	t.Run("walks", func(t *testing.T) {
		for worker := range runtime.GOMAXPROCS(0) {
			t.Run(strconv.Itoa(worker), func(t *testing.T) {
				t.Parallel()
				seed := rand.Uint64() >> 8 << 8
				for w := newWorld(t); time.Now().Before(until) && !t.Failed(); seed++ {
					steps.Add(int64(walk(t, w, seed)))
					if t.Failed() {
						violations.Add(1)
					}
					if histories.Add(1)%sharedBy == 0 {
						w = newWorld(t)
					}
				}
			})
		}
	})
	t.Logf("%d histories with %d steps: %.0f a second", histories.Load(), steps.Load(), float64(histories.Load())/time.Since(began).Seconds())
	figure.Report(t, figure.Figure{Row: "R21", Name: "random histories that violate the model of sessions", Value: fmt.Sprintf("%d of %d", violations.Load(), histories.Load())})
}

// duration is as long as FIBERMSAL_MODEL says, "1h" for example.
func duration() time.Duration {
	if d, err := time.ParseDuration(os.Getenv("FIBERMSAL_MODEL")); err == nil {
		return d
	}
	if os.Getenv("FIBERMSAL_SOAK") != "" {
		return 10 * time.Minute
	}
	return 4 * time.Second
}

// walk runs the history of a seed and returns its length.
func walk(t *testing.T, w *world, seed uint64) (steps int) {
	t.Helper()
	h := sessionmodel.Random(seed)
	violation := replay(t, w, h)
	if violation == nil {
		return len(h.Steps)
	}
	shrunk := h.Shrunk(func(h sessionmodel.History) bool { return replay(t, w, h) != nil })
	if again := replay(t, w, shrunk); again != nil {
		violation = again
	}
	t.Errorf("FIBERMSAL_SEED=%d: %v\n\n%s", seed, violation, shrunk.AsTest("Found", violation.Error()))
	return len(h.Steps)
}

// holds runs a history that violated the model earlier.
func holds(t *testing.T, h sessionmodel.History) {
	t.Helper()
	if violation := replay(t, newWorld(t), h); violation != nil {
		t.Error(violation)
	}
}
