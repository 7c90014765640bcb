package naive_test

import (
	"net/http"
	"testing"

	"github.com/fibermsal/fibermsal/entratest"
)

func TestR9_RenewalsThatEntraRefuses(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		requests int
		refuse   func(*entratest.Server)
	}{
		"token calls of 1,000 requests on a revoked refresh token": {1000, func(idp *entratest.Server) { idp.Revoke(adele) }},
		// The pause is 30 seconds, and the requests take less time.
		"token calls of 290 requests during a pause of Entra": {290, func(idp *entratest.Server) {
			idp.Fault(entratest.Token, entratest.Fault{Status: http.StatusTooManyRequests, Header: http.Header{"Retry-After": {"30"}}, Body: "slow down"})
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newApp(t, newIDP(t), nil)
			v := newVisitor(t, adele)
			v.mustSignInBriefly(a)
			row.refuse(a.idp)
			for range row.requests {
				if status := v.get(a, "/token").StatusCode; status != http.StatusUnauthorized {
					t.Fatalf("status %d\n%s", status, a.log)
				}
			}
			if tokenCalls(a.idp) == 0 {
				t.Error("Entra was not asked")
			}
			report(t, "R9", name, "%d", tokenCalls(a.idp))
			a.idp.ClearFaults()
			v.mustSignIn(a)
		})
	}
}
