package e2e

import (
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/internal/figure"
)

// worker is a process beside the two of the app: this one.
func (c *cluster) worker(t *testing.T) *fibermsal.Auth {
	t.Helper()
	storage, err := fibermsal.RedisStorage(c.redis.URL + patientRedis)
	if err != nil {
		t.Fatal(err)
	}
	auth, err := fibermsal.Open(fibermsal.Config{
		ClientID: c.idp.clientID, ClientSecret: c.idp.clientSecret, Authority: c.idp.authority, GraphURL: c.idp.graphURL,
		HTTPClient: c.idp.server.HTTPClient, PublicURL: c.site.url, Storage: storage, Keys: [][]byte{c.key}, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = errors.Join(auth.Close(), storage.Close()) })
	return auth
}

func TestG27_AWorkerProcessAndTheWebRenewOnce(t *testing.T) {
	t.Parallel()
	c := newClusterRunning(t, startWorkbench, patientRedis, []entratest.Option{entratest.WithOneTimeRefreshTokens()})
	worker := c.worker(t)
	cookie := c.signIn(adele.login)
	user, _ := c.idp.server.User(adele.login)
	c.expire(cookie)
	c.idp.server.ResetRequests()
	var wait sync.WaitGroup
	var successes atomic.Int32
	for range 50 {
		wait.Go(func() {
			u, err := worker.UserByID(t.Context(), c.idp.server.TenantID, user.ID)
			if err != nil {
				t.Error(err)
				return
			}
			token, err := u.TokenCredential().GetToken(t.Context(), policy.TokenRequestOptions{})
			if owner, _ := c.idp.server.TokenUser(token.Token); err != nil || owner != adele.login {
				t.Errorf("a token of %q: %v", owner, err)
				return
			}
			successes.Add(1)
		})
	}
	answers := c.storm(cookie, adele.login, 0, 1)
	wait.Wait()
	calls := c.idp.server.Count(entratest.Token)
	t.Logf("%d of 50 in the worker, %d of 100 in the web, %d token calls", successes.Load(), answers[http.StatusOK], calls)
	figure.Report(t, figure.Figure{Row: "G27", Name: "token calls of a worker and two processes of the web", Value: strconv.Itoa(calls)})
	if successes.Load() != 50 || answers[http.StatusOK] != 100 || calls != 1 {
		t.Errorf("%d in the worker, web %v, %d token calls", successes.Load(), answers, calls)
	}
}
