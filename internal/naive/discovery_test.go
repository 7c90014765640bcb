package naive_test

import (
	"fmt"
	"testing"

	"github.com/fibermsal/fibermsal/entratest"
)

func TestR14_CallsForMetadata(t *testing.T) {
	t.Parallel()
	const workers = 8
	sessions := repeats(1000)
	a := newApp(t, newIDP(t), nil)
	users := a.idp.Users()
	atOnce(workers, func(first int) {
		for i := first; i < sessions; i += workers {
			v := newVisitor(t, users[i%len(users)].UPN)
			v.mustSignIn(a)
			if !v.isServed(a, "/token") {
				t.Errorf("no token\n%s", a.log)
			}
		}
	})
	if n := tokenCalls(a.idp); n != sessions {
		t.Errorf("%d token calls, want one for each session", n)
	}
	report(t, "R14", fmt.Sprintf("calls for the OpenID configuration and the keys of %d sessions", sessions), "%d and %d, because each request has a client, and MSAL verifies no signature",
		a.idp.Count(entratest.Discovery), a.idp.Count(entratest.Keys))
	report(t, "R14", fmt.Sprintf("calls for instance discovery of %d sessions", sessions), "%d", a.idp.Count(entratest.InstanceDiscovery))
}
