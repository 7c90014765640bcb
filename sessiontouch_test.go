package fibermsal_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/internal/redistest"
)

// With more users at once than a process remembers, a session is prolonged as seldom as
// with few.
func TestSession_IsProlongedOnceAlsoWhereItIsForgottenAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLedger()
		s := newSite(t, newIDP(t), onLedger(l), func(cfg *fibermsal.Config) {
			cfg.IdleTimeout = 10 * time.Hour
		})
		browsers := make([]*browser, 5)
		for i := range browsers {
			browsers[i] = s.browser()
			browsers[i].signIn(adele)
		}
		for hour := range 5 {
			_, before := l.count()
			for range 10 {
				for _, b := range browsers {
					s.auth.ForgetSessions()
					if b.user() != adele {
						t.Fatal("not signed in")
					}
				}
				time.Sleep(5 * time.Minute)
			}
			_, after := l.count()
			want := 2 * len(browsers) // each has two records
			if hour == 0 {
				want = 0
			}
			if after-before != want {
				t.Errorf("hour %d: %d writes, want %d", hour, after-before, want)
			}
			time.Sleep(15 * time.Minute)
		}
	})
}

func TestRedis_CommandsOfARequestOfASessionThatWasForgotten(t *testing.T) {
	t.Parallel()
	r := redistest.Start(t)
	s := newSite(t, newApp(t), on(t, r), func(cfg *fibermsal.Config) { cfg.IdleTimeout = 30 * time.Second })
	b := s.browser()
	b.signIn(adele)
	<-time.After(3100 * time.Millisecond) // more than a tenth of the idle time
	for i, want := range []int{3, 1, 1, 1, 1} {
		s.auth.ForgetSessions()
		before := commands(t, r)
		b.get("/guarded")
		if got := commands(t, r) - before; got != want {
			t.Errorf("request %d: %d commands, want %d", i+1, got, want)
		}
	}
}
