package background_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fibermsal/fibermsal/internal/background"
)

func TestGroup_CloseWaitsForWorkAndRefusesMore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := background.New(slog.New(slog.DiscardHandler))
		ended := false
		g.Go("testing", func() { time.Sleep(3 * time.Second); ended = true })
		began := time.Now()
		if !g.Close(5*time.Second, time.Second) || !ended || time.Since(began) != 3*time.Second {
			t.Errorf("ended %t, after %v", ended, time.Since(began))
		}
		if g.Begin() {
			t.Error("a closed group takes work")
		}
		g.Go("testing", func() { t.Error("a closed group runs work") })
		synctest.Wait()
	})
}

func TestGroup_WorkIsCancelledBeforeCloseGivesUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := background.New(slog.New(slog.DiscardHandler))
		var cancelledAt time.Duration
		began := time.Now()
		g.Go("obedient", func() { <-g.Context().Done(); cancelledAt = time.Since(began) })
		g.Go("deaf", func() { time.Sleep(time.Minute) })
		drained := g.Close(5*time.Second, time.Second)
		synctest.Wait()
		if drained || time.Since(began) != 5*time.Second || cancelledAt != 4*time.Second {
			t.Errorf("after %v, cancelled after %v", time.Since(began), cancelledAt)
		}
		time.Sleep(time.Minute) // until the deaf work has ended
	})
}

func TestGroup_APanicIsLogged(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		g := background.New(slog.New(slog.NewTextHandler(&log, nil)))
		g.Go("storing", func() { panic("the app's storage") })
		g.Close(time.Second, time.Millisecond)
		if text := log.String(); !strings.Contains(text, "work=storing") || !strings.Contains(text, "the app's storage") {
			t.Errorf("logged: %s", text)
		}
	})
}
