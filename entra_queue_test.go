package fibermsal_test

import (
	"net/http"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/internal/redistest"
)

// storms are bursts of requests. Each function prepares a burst and returns the function that starts
// it.
var storms = map[string]func(s *site, login string) func() *answer{
	"renewals": func(s *site, login string) func() *answer {
		b := s.browser() // whose tokens are never young enough
		b.signIn(login)
		return func() *answer { return b.Get("/token") }
	},
	"sign-ins": func(s *site, login string) func() *answer {
		b := s.browser()
		response := b.approve(b.start(""), login)
		return func() *answer { return b.Send(response.Request()) }
	},
}

// storm prepares n calls of different users, because too many sessions of one user would end the
// oldest, and makes them simultaneously.
func (s *site) storm(prepare func(*site, string) func() *answer, n int) (begin func() (failed int)) {
	s.t.Helper()
	users, calls := s.idp.Users(), make([]func() *answer, n)
	for i := range calls {
		calls[i] = prepare(s, users[i%len(users)].UPN)
	}
	return func() int {
		var failed atomic.Int32
		var wait sync.WaitGroup
		for _, call := range calls {
			wait.Go(func() {
				if a := call(); a.StatusCode >= http.StatusBadRequest {
					failed.Add(1)
				}
			})
		}
		wait.Wait()
		return int(failed.Load())
	}
}

// A burst waits for the processor before its time limits begin, not within them.
func TestG10_ABurstDoesNotRunAtOnce(t *testing.T) {
	for name, prepare := range storms {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var now, most atomic.Int32
				idp := newIDP(t, entratest.WithAccessTokenLifetime(20*time.Second))
				s := newSite(t, idp, func(cfg *fibermsal.Config) {
					cfg.HTTPClient = &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
						if strings.HasSuffix(r.URL.Path, "/token") {
							n := now.Add(1)
							for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
							}
							time.Sleep(5 * time.Millisecond)
							defer now.Add(-1)
						}
						return idp.HTTPClient.Transport.RoundTrip(r)
					})}
				})
				begin := s.storm(prepare, 60)
				most.Store(0)
				if failed := begin(); failed != 0 {
					t.Errorf("%d failed", failed)
				}
				if n := int(most.Load()); n < 2 || n > 4*runtime.GOMAXPROCS(0) {
					t.Errorf("%d at once", n)
				}
			})
		})
	}
}

// If Entra is slow, the calls do not wait for each other for long.
func TestG10_ABurstAtASlowEntraIsNoQueue(t *testing.T) {
	for name, prepare := range storms {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSite(t, newIDP(t, entratest.WithAccessTokenLifetime(20*time.Second)))
				begin := s.storm(prepare, 120)
				s.idp.Fault(entratest.Token, entratest.Fault{Delay: 3 * time.Second})
				began := time.Now()
				failed := begin()
				if took := time.Since(began); failed != 0 || took > 5*time.Second {
					t.Errorf("%d failed, %v", failed, took)
				}
			})
		})
	}
}

// The machine is busy with other work, but the storage works, so no response may report a failure of
// the storage. The emulator's signatures are made by this process, too.
func TestG10_ABurstOnABusyMachineIsNoOutage(t *testing.T) {
	if !soaking() {
		t.Skip("loads the machine for a minute; make soak")
	}
	for name, prepare := range storms {
		t.Run(name, func(t *testing.T) {
			storage, err := fibermsal.RedisStorage(redistest.Start(t).URL)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = storage.Close() })
			s := newSocketSite(t, []entratest.Option{entratest.WithAccessTokenLifetime(20 * time.Second)}, func(cfg *fibermsal.Config) {
				cfg.Storage, cfg.Keys = storage, [][]byte{testKey(1)}
			})
			const n = 150
			begin := s.storm(prepare, n)
			for range 4 * runtime.GOMAXPROCS(0) {
				loop := exec.CommandContext(t.Context(), "sh", "-c", "while :; do :; done")
				if err := loop.Start(); err != nil {
					t.Fatal(err)
				}
				defer func() { _ = loop.Process.Kill(); _ = loop.Wait() }()
			}
			began := time.Now()
			failed := begin()
			t.Logf("%d of %d failed, %v", failed, n, time.Since(began))
			if failed > n/50 { // before there was a queue: a quarter to all
				t.Errorf("%d of %d failed\n%s", failed, n, s.log)
			}
		})
	}
}

// Attackers can send callbacks, which must not delay the tokens of users. A burst of renewals must not
// delay sign-ins either.
func TestG26_AFloodOfOneKindDoesNotDelayTheOther(t *testing.T) {
	for flood, prepare := range storms {
		for other, one := range storms {
			if flood == other {
				continue
			}
			t.Run("of "+flood, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := newSite(t, newIDP(t, entratest.WithAccessTokenLifetime(20*time.Second)))
					begin := s.storm(prepare, 60*runtime.GOMAXPROCS(0))
					call := one(s, adele)
					s.idp.Fault(entratest.Token, entratest.Fault{Delay: time.Second})
					go begin()
					time.Sleep(5 * time.Millisecond)
					began := time.Now()
					a := call()
					if took := time.Since(began); a.StatusCode >= http.StatusBadRequest || took > 1100*time.Millisecond {
						t.Errorf("status %d after %v", a.StatusCode, took)
					}
					time.Sleep(10 * time.Second)
				})
			})
		}
	}
}
