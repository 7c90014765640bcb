package e2e

import (
	"fmt"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/fibermsal/fibermsal/internal/figure"
	"github.com/fibermsal/fibermsal/internal/redistest"
)

const (
	crowdSize = 1000
	// workers is the number of concurrent requests, and connections is the number of sockets that they
	// share. Each socket carries requests of many users one after the other, so mistakes with Fiber's
	// reused buffers would mix the users up (threat H1).
	workers     = 64
	connections = 48
	// rounds is the number of times that each user sends all requests.
	rounds = 2
)

// A thousand simultaneous users get their own responses, and their data cannot be read anywhere
// (threats C7, E1, E9, F1, H1, H2).
func TestH1_AThousandUsersAtOnceGetTheirOwnAnswers(t *testing.T) {
	standing := goleak.IgnoreCurrent() // tests that wait for their turn
	t.Cleanup(func() {
		goleak.VerifyNone(t, standing,
			// fasthttp's clock runs as long as the process, and its cleaner notices the end when it wakes up.
			goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"),
			goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"))
	})
	began := time.Now()
	redis := redistest.Start(t, "--appendonly", "yes")
	crowd := newCrowd(t, redis)

	crowd.each(crowd.signIn)
	signedIn := time.Since(began)
	for range rounds {
		crowd.each(crowd.checkAll)
	}
	crowd.checkAfterwards()
	answeredAfter := time.Since(began)
	if crowd.complete.Load() == 0 {
		t.Error("graph.Profile has completed no session")
	}
	t.Logf("%d users signed in after %v; %d answers checked on %d connections after %v: %d foreign or wrong",
		crowdSize, signedIn.Round(time.Millisecond), crowd.checked.Load(), crowd.dialed.Load(), answeredAfter.Round(time.Millisecond), crowd.wrong.Load())
	figure.Report(t, figure.Figure{Row: "R1", Name: "foreign or wrong answers to a thousand users at once", Value: fmt.Sprintf("%d of %d", crowd.wrong.Load(), crowd.checked.Load())})

	crowd.search(redis)
	t.Logf("everything took %v", time.Since(began).Round(time.Millisecond))
}
