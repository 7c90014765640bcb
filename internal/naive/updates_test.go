package naive_test

import (
	"fmt"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/internal/redistest"
)

// Each of a hundred renewals, for as many APIs, adds a token to the same session.
func TestR12_ConcurrentRenewalsOfOneSession(t *testing.T) {
	t.Parallel()
	scopes := make([]string, 100)
	for i := range scopes {
		scopes[i] = fmt.Sprintf("api://app%02d/Read", i)
	}
	idp := newIDP(t, entratest.WithScopes(scopes...))
	instances := newPair(t, idp, redistest.Start(t))
	v := newVisitor(t, adele)
	v.mustSignIn(instances[0])
	consent(t, idp, scopes)
	var served atomic.Int64
	atOnce(len(scopes), func(i int) {
		if v.isServed(instances[i%2], "/token?scope="+url.QueryEscape(scopes[i])) {
			served.Add(1)
		}
	})
	if int(served.Load()) != len(scopes) {
		t.Errorf("only %d of %d got a token\n%s", served.Load(), len(scopes), instances[0].log)
	}
	idp.ResetRequests()
	for _, scope := range scopes { // one after the other: a token that is not there is renewed
		if !v.isServed(instances[0], "/token?scope="+url.QueryEscape(scope)) {
			t.Errorf("no token for %s\n%s", scope, instances[0].log)
		}
	}
	report(t, "R12", "tokens lost by concurrent renewals of one session on two instances", "%d of %d", tokenCalls(idp), len(scopes))
}

// consent lets the user consent to scopes at the emulator, without the app.
func consent(t *testing.T, idp *entratest.Server, scopes []string) {
	t.Helper()
	question := url.Values{
		"client_id": {idp.ClientID}, "redirect_uri": {redirectURI}, "response_type": {"code"},
		"scope": {strings.Join(scopes, " ")},
	}
	if _, err := idp.SignIn(idp.Authority+"/oauth2/v2.0/authorize?"+question.Encode(), adele); err != nil {
		t.Fatal(err)
	}
}
