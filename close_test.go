package fibermsal_test

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
)

// slowLedger is a storage whose writes and deletes take their time.
type slowLedger struct {
	*ledger
	delay  atomic.Int64
	writes atomic.Int32 // begun
}

func (l *slowLedger) Set(key string, value []byte, life time.Duration) error {
	l.writes.Add(1)
	time.Sleep(time.Duration(l.delay.Load()))
	return l.ledger.Set(key, value, life)
}

func (l *slowLedger) Delete(key string) error {
	l.writes.Add(1)
	time.Sleep(time.Duration(l.delay.Load()))
	return l.ledger.Delete(key)
}

func TestClose_IsBoundedHoweverMuchWaitsForASlowStorage(t *testing.T) {
	for name, row := range map[string]struct {
		change func(*ledger) // makes the work wait
		path   string
	}{
		"renewed tokens": {func(l *ledger) { l.fail(false, true) }, "/token"},
		"ended sessions": {func(l *ledger) { l.failDeletes(true) }, "/user/logout"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := &slowLedger{ledger: newLedger()}
				s := newSite(t, newIDP(t), func(cfg *fibermsal.Config) { cfg.Storage, cfg.Keys = l, [][]byte{testKey(1)} })
				browsers := make([]*browser, repeats(2000)/5)
				for i := range browsers {
					browsers[i] = s.browser()
					browsers[i].signIn(adele)
				}
				time.Sleep(2 * time.Hour)
				row.change(l.ledger)
				for _, b := range browsers {
					method := http.MethodGet
					if row.path == "/user/logout" {
						method = http.MethodPost
					}
					b.do(request(method, row.path, ""))
				}
				l.delay.Store(int64(700 * time.Millisecond))
				l.fail(false, false)
				l.failDeletes(false)
				time.Sleep(2 * time.Second) // a round is under way

				began := time.Now()
				if err := s.auth.Close(); err != nil {
					t.Error(err)
				}
				if took := time.Since(began); took > 5*time.Second {
					t.Errorf("Close took %v", took)
				}
				before := l.writes.Load()
				time.Sleep(10 * time.Minute)
				if n := l.writes.Load(); n != before {
					t.Errorf("%d writes after Close returned", n-before)
				}
			})
		})
	}
}

// panicky is a logger of the app's that panics, once it is told to.
type panicky struct {
	slog.Handler
	now *atomic.Bool
}

func (h panicky) Enabled(context.Context, slog.Level) bool { return true }

func (h panicky) Handle(context.Context, slog.Record) error {
	if h.now.Load() {
		panic("a handler of the app's logger")
	}
	return nil
}

func (h panicky) WithAttrs([]slog.Attr) slog.Handler { return h }

func (h panicky) WithGroup(string) slog.Handler { return h }

// The work in the background goes on after a panic, and the process does.
func TestG23_ALoggerThatPanicsInTheBackgroundEndsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := new(atomic.Bool)
		l, idp := newLedger(), newIDP(t, entratest.WithOneTimeRefreshTokens())
		s := newSite(t, idp, onLedger(l), func(cfg *fibermsal.Config) {
			cfg.Logger = slog.New(panicky{slog.DiscardHandler, now})
		})
		b, leaver := s.browser(), s.browser()
		b.signIn(adele)
		leaver.signIn(alex)
		time.Sleep(2 * time.Hour)
		l.fail(false, true)
		b.serves("/token")
		l.failDeletes(true)
		leaver.do(request(http.MethodPost, "/user/logout", ""))
		now.Store(true)
		l.failDeletes(false)
		time.Sleep(10 * time.Second)
		l.fail(false, false)
		time.Sleep(10 * time.Second)
		now.Store(false)
		if n := len(l.keys()); n != 2 {
			t.Errorf("%d records, want those of the session that lives: %v", n, l.keys())
		}
		time.Sleep(2 * time.Hour)
		b.serves("/token")
	})
}

// transport is the app's, and does something of its own on some requests.
type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestG23_ATransportThatPanicsIsAnOutageOfEntra(t *testing.T) {
	for name, path := range map[string]string{
		"configuration": "/.well-known/openid-configuration",
		"keys":          "/discovery/v2.0/keys",
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var broken atomic.Bool
				broken.Store(true)
				idp := newIDP(t)
				b := newSite(t, idp, func(cfg *fibermsal.Config) {
					cfg.HTTPClient = &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
						if broken.Load() && strings.HasSuffix(r.URL.Path, path) {
							panic("a transport of the app's")
						}
						return idp.HTTPClient.Transport.RoundTrip(r)
					})}
				}).browser()
				a := b.navigate("/user/login")
				if a.StatusCode == http.StatusSeeOther {
					a = b.do(b.approve(a.location(), adele).Request())
				}
				if a.StatusCode != http.StatusServiceUnavailable {
					t.Errorf("status %d\n%s", a.StatusCode, b.log)
				}
				broken.Store(false)
				time.Sleep(10 * time.Second)
				b.signIn(adele)
			})
		})
	}
}
