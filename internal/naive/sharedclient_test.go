package naive_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential" //nolint:depguard // this app has no fibermsal
	"github.com/gofiber/fiber/v2/middleware/session"

	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/internal/redistest"
)

// newSharingApp returns an instance with one MSAL client for all users, as in MSAL's samples, and with
// its cache in Redis.
func newSharingApp(t *testing.T, idp *entratest.Server, server *redistest.Server) *app {
	t.Helper()
	storage := onRedis(t, server.URL)
	client, err := newClient(idp, partitions{storage})
	if err != nil {
		t.Fatal(err)
	}
	a := newApp(t, idp, storage)
	a.client = func(*session.Session) (confidential.Client, error) { return client, nil }
	return a
}

func TestR1_OneClientForAllUsers(t *testing.T) {
	t.Parallel()
	const users, workers, each = 20, 64, 30
	people := make([]entratest.User, users)
	visitors := make([]*visitor, users)
	for i := range people {
		people[i] = entratest.User{ID: fmt.Sprintf("00000000-0000-4000-8000-%012d", i), UPN: fmt.Sprintf("user%04d@contoso.com", i)}
		visitors[i] = newVisitor(t, people[i].UPN)
	}
	server, idp := redistest.Start(t), newIDP(t, entratest.WithUsers(people...))
	instances := [2]*app{newSharingApp(t, idp, server), newSharingApp(t, idp, server)}
	for i, v := range visitors {
		v.mustSignIn(instances[i%2])
	}
	var own, foreign, missing atomic.Int64
	atOnce(workers, func(worker int) {
		random := rand.New(rand.NewPCG(uint64(worker), 7))
		for range each {
			v := visitors[random.IntN(users)]
			switch answer := v.get(instances[random.IntN(2)], "/token"); {
			case answer.StatusCode != http.StatusOK:
				missing.Add(1)
			case answer.Text == v.upn:
				own.Add(1)
			default:
				foreign.Add(1)
			}
		}
	})
	if own.Load() == 0 {
		t.Errorf("nobody got a token\n%s", instances[0].log)
	}
	report(t, "R1", "foreign answers to 20 users under load on two instances", "%d", foreign.Load())
	report(t, "R1", "answers checked under load", "%d to %d users", workers*each, users)
	report(t, "R1", "requests for a token that found none", "%d of %d", missing.Load(), workers*each)
	mixed, most := mixedPartitions(t, server)
	report(t, "R1", "users whose stored tokens contain those of other users", "%d of %d, up to %d users in one place", mixed, users, most)
}

// mixedPartitions counts partitions with tokens of several users, and the users in the one with
// the most.
func mixedPartitions(t *testing.T, server *redistest.Server) (mixed, most int) {
	t.Helper()
	for _, key := range server.Keys() {
		if !strings.HasPrefix(key, partitionPrefix) {
			continue
		}
		content, err := server.Client().Get(t.Context(), key).Bytes()
		if err != nil {
			t.Fatal(err)
		}
		var cache struct{ Account map[string]any }
		if err := json.Unmarshal(content, &cache); err != nil {
			t.Fatal(err)
		}
		if len(cache.Account) > 1 {
			mixed++
		}
		most = max(most, len(cache.Account))
	}
	if most == 0 {
		t.Error("no tokens are stored")
	}
	return mixed, most
}
