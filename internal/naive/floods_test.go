package naive_test

import (
	"net/http"
	"testing"

	"github.com/fibermsal/fibermsal/internal/redistest"
)

// Visitors only begin sign-ins or send forged responses of Entra.
func TestR15_FloodOfVisitors(t *testing.T) {
	t.Parallel()
	const visitors, workers = 1000, 4
	server, idp := redistest.Start(t), newIDP(t)
	a := newApp(t, idp, onRedis(t, server.URL))
	atOnce(workers, func(int) {
		for range visitors / workers {
			if status := newVisitor(t, adele).get(a, "/login").StatusCode; status != http.StatusFound {
				t.Errorf("login: status %d", status)
			}
			if status := newVisitor(t, adele).get(a, "/callback?code=x&state=made-up").StatusCode; status != http.StatusBadRequest {
				t.Errorf("callback: status %d", status)
			}
		}
	})
	report(t, "R15", "keys in Redis after a flood of 1,000 visitors", "%d", len(server.Keys()))
	report(t, "R15", "calls to Entra of a flood of 1,000 visitors", "%d", len(idp.Requests()))
}
