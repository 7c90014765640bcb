package fibermsal_test

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
)

// slowLedger is a storage whose writes and deletes are slow.
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
					b.Send(request(method, row.path, ""))
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

func TestClose_MayBeCalledTwice(t *testing.T) {
	t.Parallel()
	auth, err := fibermsal.Open(configFor(newIDP(t)))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := auth.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestClose_EndsTokenCallsInOrder(t *testing.T) {
	t.Parallel()
	idp := newIDP(t)
	auth, err := fibermsal.Open(configFor(idp))
	if err != nil {
		t.Fatal(err)
	}
	app := newApp()
	app.Use(auth.Handler())
	auth.RegisterRoutes(app)
	var wait sync.WaitGroup
	var rejected atomic.Int32
	app.Get("/", func(c *fiber.Ctx) error {
		credential := fibermsal.TokenCredential(c)
		for range 8 {
			wait.Go(func() {
				for i := range 1000 { // scopes that are not remembered need a call each
					options := policy.TokenRequestOptions{Scopes: []string{"Unknown.Scope" + strconv.Itoa(i)}}
					if _, err := credential.GetToken(context.Background(), options); errors.Is(err, fibermsal.ErrUnavailable) {
						rejected.Add(1)
						return
					}
				}
			})
		}
		return nil
	})
	b := siteOf(t, app, idp, &logbook{}).browser()
	b.signIn(adele)
	b.Get("/")
	time.Sleep(20 * time.Millisecond)
	if err := auth.Close(); err != nil {
		t.Error(err)
	}
	wait.Wait()
	if rejected.Load() != 8 {
		t.Errorf("%d of 8 were refused after Close", rejected.Load())
	}
}
