package fibermsal_test

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/internal/figure"
	"github.com/fibermsal/fibermsal/internal/record"
	"github.com/fibermsal/fibermsal/internal/redistest"
)

// shortLived is a lifetime of access tokens that is too short to return a token twice, so each request
// causes a renewal.
const shortLived = 20 * time.Second

// A failover makes users wait, but signs no user out.
func TestG4_FailoverKeepsUsersSignedIn(t *testing.T) {
	t.Parallel()
	sentinel, idp := redistest.StartSentinel(t), newRegistration(t, entratest.WithOneTimeRefreshTokens())
	here, there := newSite(t, idp, inHaste(t, sentinel)), newSite(t, idp, inHaste(t, sentinel))
	stays, leaves := here.browser(), here.browser()
	stays.signIn(adele)
	leaves.signIn(alex)
	elsewhere := there.browserWith(stays.Jar)
	if elsewhere.user() != adele {
		t.Fatal("the other instance does not know the user")
	}
	sentinel.Replicated()

	dead := sentinel.KillMaster()
	o := stays.awaitStorage()
	t.Logf("recovered %v after the kill; %d answers of 503, the slowest took %v", o.lasted.Round(time.Millisecond), o.answers, o.slowest.Round(time.Millisecond))
	figure.Report(t, figure.Figure{Row: "G4", Name: "service is back after the kill of a master under Sentinel", Value: o.lasted.Round(time.Millisecond).String()})
	if o.answers == 0 {
		t.Error("nobody noticed that the master was dead")
	}
	sentinel.AwaitFailover(dead)
	elsewhere.awaitStorage() // its pool notices by itself

	if stays.user() != adele || elsewhere.user() != adele {
		t.Errorf("after the failover: %q and %q\n%s", stays.user(), elsewhere.user(), here.log)
	}
	stays.vault(sentinel).expire()
	renewOnce(t, []*site{here, there}, stays)
	newcomer := there.browser()
	newcomer.signIn(alex)
	if newcomer.user() != alex {
		t.Error("a new sign-in did not last")
	}
	leaves.Send(request(http.MethodPost, "/user/logout", ""))
	leaves.site = there
	if leaves.user() != "" {
		t.Error("signed in after the sign-out")
	}
	if n := len(recordsOfSessions(t, sentinel.Keys())); n != 2 {
		t.Errorf("records of %d sessions, want 2", n)
	}
	sentinel.Dump()

	dead.Restart() // empty, and believing that it is the master
	sentinel.AwaitReplica(dead)
	if stays.user() != adele || newcomer.user() != alex || leaves.user() != "" {
		t.Error("the old master's return changed who is signed in")
	}
}

// The failure of a master affects the users whose sessions it contains, or, if the Cluster is
// configured this way, all users. No user is signed out.
func TestG2_MasterOfAClusterIsKilledAndComesBack(t *testing.T) {
	t.Parallel()
	for name, coverage := range map[string]string{"the others serve": "no", "none serves": "yes"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			args := append([]string{"--cluster-node-timeout", "1000", "--cluster-require-full-coverage", coverage}, onDisk...)
			cluster, idp := redistest.StartCluster(t, args...), newRegistration(t, entratest.WithAccessTokenLifetime(shortLived))
			sites := []*site{newSite(t, idp, on(t, cluster)), newSite(t, idp, on(t, cluster))}
			browsers := make([]*browser, 12)
			for i := range browsers {
				browsers[i] = sites[i%2].browser()
				browsers[i].signIn(adele)
			}
			dead := masterOf(t, cluster, browsers[0])
			hit := make([]bool, len(browsers))
			for i, b := range browsers {
				hit[i] = masterOf(t, cluster, b) == dead
			}
			dead.Stop()
			var wait sync.WaitGroup
			for i, b := range browsers {
				crowd := 1
				if hit[i] { // so that failures come in rows
					crowd = 10
				}
				for range crowd {
					wait.Go(func() {
						served, failed := b.requestTokens(3 * time.Second) // until the Cluster has noticed, and some time after
						if hit[i] && served != 0 || !hit[i] && failed != 0 && coverage == "no" {
							t.Errorf("held by the dead one: %v, served %d times, refused %d times", hit[i], served, failed)
						}
					})
				}
			}
			wait.Wait()
			dead.Restart()
			cluster.AwaitWhole()
			for _, b := range browsers {
				b.awaitStorage()
				if b.user() != adele || b.Get("/token").Text != adele {
					t.Errorf("after the outage: %q\n%s", b.user(), b.log)
				}
			}
		})
	}
}

// requestTokens requests tokens for a duration, and fails the test for responses worse than a 503.
func (b *browser) requestTokens(duration time.Duration) (served, failed int) {
	b.t.Helper()
	for until := time.Now().Add(duration); time.Now().Before(until); <-time.After(50 * time.Millisecond) {
		switch a := b.Get("/token"); {
		case a.StatusCode == http.StatusOK && a.Text == adele:
			served++
		case isUnavailable(a):
			failed++
		default:
			b.t.Errorf("status %d, cookies %v\n%s", a.StatusCode, a.Cookies(), a.Text)
		}
	}
	return served, failed
}

// masterOf returns the master that contains a browser's session.
func masterOf(t *testing.T, r redistest.Redis, b *browser) *redistest.Server {
	t.Helper()
	name, _ := record.SessionID(b.session())
	for _, s := range r.Masters() {
		if len(recordsOfSessions(t, s.Keys())[name]) != 0 {
			return s
		}
	}
	t.Fatal("no master holds the session")
	return nil
}
