package fibermsal_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/internal/redistest"
)

// lockLife is the lifetime of a lock in Redis that is not prolonged.
const lockLife = 5 * time.Second

// Entra takes longer than the lifetime of the lock. The lock is prolonged, so the other instance waits
// for the new token. In this test a refresh token can be used only once. The test needs real time
// because of Redis.
func TestG12_AnEntraSlowerThanTheLockLives(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		delay  time.Duration
		status int // of the first answers
		soak   bool
	}{
		"1.5 times as long": {lockLife * 3 / 2, http.StatusOK, false},
		"5 times as long":   {lockLife * 5, http.StatusServiceUnavailable, true}, // than the limit of a call
	} {
		t.Run(name, func(t *testing.T) {
			if row.soak && !soaking() {
				t.Skip("takes half a minute; make soak")
			}
			t.Parallel()
			idp := newIDP(t, entratest.WithOneTimeRefreshTokens(), entratest.WithAccessTokenLifetime(20*time.Second))
			server := redistest.Start(t)
			instance := func() *site {
				storage, err := fibermsal.RedisStorage(server.URL)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = storage.Close() })
				return newSite(t, idp, func(cfg *fibermsal.Config) { cfg.Storage, cfg.Keys = storage, [][]byte{testKey(1)} })
			}
			here, there := instance(), instance()
			b := here.browser()
			b.signIn(adele)
			idp.SetAccessTokenLifetime(time.Hour)
			idp.ResetRequests()
			idp.Fault(entratest.Token, entratest.Fault{Delay: row.delay})
			crowd := func() {
				var wait sync.WaitGroup
				for i := range 20 {
					r := request(http.MethodGet, "/token", "")
					r.AddCookie(b.Jar[sessionCookie])
					s := []*site{here, there}[i%2]
					wait.Go(func() {
						if a := s.send(r); a.StatusCode != row.status {
							t.Errorf("status %d %s", a.StatusCode, a.Text)
						}
					})
				}
				wait.Wait()
			}
			crowd()
			if n := idp.Count(entratest.Token); row.status == http.StatusOK && n != 1 || n > 2 {
				t.Errorf("%d token calls", n)
			}
			idp.ClearFaults()
			if row.status != http.StatusOK {
				time.Sleep(6 * time.Second) // for so long the failure is remembered
				row.status = http.StatusOK
			}
			crowd()
			for _, s := range []*site{here, there} {
				if strings.Contains(s.log.String(), "invalid_grant") {
					t.Errorf("a refresh token was used twice\n%s", s.log)
				}
			}
		})
	}
}
