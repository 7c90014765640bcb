package fibermsal_test

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/internal/redistest"
)

// newRegisteredAPI is newRegistration for an app with an API of its own, and returns a scope of that.
func newRegisteredAPI(t *testing.T) (idp *entratest.Server, scope string) {
	t.Helper()
	var id [16]byte
	_, _ = rand.Read(id[:])
	client := fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:])
	uri := "api://" + client
	return newIDP(t, entratest.WithClientID(client), entratest.WithAPI(entratest.API{URI: uri, Scopes: []string{"access_as_user"}})), uri + "/access_as_user"
}

// Fifty clients with one token call each of two instances at once.
func TestG11_TwoInstancesExchangeAnAssertionOnce(t *testing.T) {
	oauth := func(name string, number int, suberror, claims string) entratest.Fault {
		return entratest.Fault{OAuth: &entratest.OAuthError{Error: name, Codes: []int{number}, Suberror: suberror, Claims: claims}, Delay: 100 * time.Millisecond}
	}
	rows := map[string]struct {
		fault  entratest.Fault
		status int
	}{
		"granted":         {entratest.Fault{}, 200},
		"granted, slowly": {entratest.Fault{Delay: 2 * time.Second}, 200},
		"no consent":      {oauth("invalid_grant", 65001, "consent_required", ""), 403},
		"another factor":  {oauth("interaction_required", 50076, "basic_action", factorClaims), 401},
		"revoked":         {oauth("invalid_grant", 50173, "bad_token", ""), 401},
		"throttled":       {entratest.Fault{Status: 429, Header: http.Header{"Retry-After": {"30"}}, Body: "slow down"}, 503},
	}
	for name, start := range redistest.Each(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t)
			for name, row := range rows {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					idp, scope := newRegisteredAPI(t)
					here, there := newCallee(t, idp, on(t, r)), newCallee(t, idp, on(t, r))
					idp.Fault(entratest.Token, row.fault)
					token := idp.Issue(adele, scope)
					answers := storm("/api/graph", token, adele, here, there)
					calls := len(exchanges(idp))
					t.Logf("answers by status: %v, %d token calls", answers, calls)
					if answers[row.status] != 100 || calls != 1 {
						t.Errorf("want 100 times %d, one token call\n%s", row.status, here.log)
					}
					for _, secret := range idp.Secrets() {
						if bytes.Contains(r.Dump(), []byte(secret)) {
							t.Error("Redis has a credential in clear")
						}
					}
				})
			}
		})
	}
}

// With a storage that has no locks, each instance that is called at the same time makes one call, and
// later instances make none.
func TestOnBehalf_APlainStorageSharesTokensButNoLock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLedger()
		idp := newIDP(t, entratest.WithAPI(ownAPI(2)), entratest.WithAccessTokenLifetime(time.Hour))
		here, there, later := newCallee(t, idp, onLedger(l)), newCallee(t, idp, onLedger(l)), newCallee(t, idp, onLedger(l))
		idp.Fault(entratest.Token, entratest.Fault{Delay: time.Second})
		token := idp.Issue(adele, apiScope)
		for _, apis := range [][]apiSite{{here, there}, {later}} {
			if answers := storm("/api/graph", token, adele, apis...); answers[200] != 50*len(apis) || len(exchanges(idp)) != 2 {
				t.Errorf("%v, %d token calls", answers, len(exchanges(idp)))
			}
		}
	})
}

// Without Redis each instance makes one call. No token is lost when Redis fails or recovers.
func TestG2_RedisIsDownForCallers(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	idp, scope := newRegisteredAPI(t)
	apis := []apiSite{newCallee(t, idp, inHaste(t, server)), newCallee(t, idp, inHaste(t, server))}
	expect := func(what, token string, most int) {
		t.Helper()
		idp.ResetRequests()
		began := time.Now()
		answers := storm("/api/graph", token, adele, apis...)
		took, calls := time.Since(began), len(exchanges(idp))
		t.Logf("%s: answers by status: %v after %v, %d token calls", what, answers, took.Round(time.Millisecond), calls)
		if answers[200] != 100 || calls > most {
			t.Errorf("%s: want 100 times 200, at most %d token calls\n%s", what, most, apis[0].log)
		}
	}
	before, lost, down := idp.Issue(adele, scope), idp.Issue(adele, scope), idp.Issue(adele, scope)
	expect("Redis is up", before, 1)
	idp.Fault(entratest.Token, entratest.Fault{Delay: 2 * time.Second, Times: 2})
	timer := time.AfterFunc(time.Second, server.Stop) // while one holds the lock, and the other waits for it
	defer timer.Stop()
	expect("Redis is lost during the call", lost, 2)
	idp.ClearFaults()
	expect("Redis is down", down, 2)
	for what, token := range map[string]string{"before": before, "lost": lost, "down": down} {
		expect("Redis is down, remembered from "+what, token, 0)
	}
	server.Restart()
	for what, token := range map[string]string{"before": before, "lost": lost, "down": down} {
		expect("Redis is back, remembered from "+what, token, 0)
	}
	for until := time.Now().Add(20 * time.Second); ; <-time.After(100 * time.Millisecond) {
		idp.ResetRequests()
		storm("/api/graph", idp.Issue(adele, scope), adele, apis...)
		if calls := len(exchanges(idp)); calls == 1 {
			break
		} else if time.Now().After(until) {
			t.Fatalf("%d token calls, long after Redis was back", calls)
		}
	}
}
