package naive_test

import (
	"testing"
	"time"

	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/internal/redistest"
)

// The storage cannot be written at the moment of a renewal, and Entra accepts each refresh token only
// once.
func TestR10_RenewalThatCannotBeStored(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	// Every request renews, because MSAL considers each token expired.
	idp := newIDP(t, entratest.WithOneTimeRefreshTokens(), entratest.WithAccessTokenLifetime(time.Minute))
	instances := newPair(t, idp, server)
	v := newVisitor(t, adele)
	v.mustSignIn(instances[0])
	if !v.isServed(instances[0], "/token") {
		t.Fatalf("no token\n%s", instances[0].log)
	}
	limit := func(memory string) {
		t.Helper()
		if err := server.Client().ConfigSet(t.Context(), "maxmemory", memory).Err(); err != nil {
			t.Fatal(err)
		}
	}
	limit("1")
	idp.ResetRequests()
	errors := 0
	if !v.isServed(instances[0], "/token") {
		errors++
	}
	if tokenCalls(idp) != 1 {
		t.Errorf("%d token calls, want one renewal", tokenCalls(idp))
	}
	limit("0")
	<-time.After(10 * time.Second)
	lost := 0
	if !v.isServed(instances[1], "/token") {
		lost++
	}
	report(t, "R10", "errors that a user sees when the tokens of a renewal cannot be stored", "%d", errors)
	report(t, "R10", "refresh tokens lost ten seconds after the storage is back", "%d", lost)
	v.mustSignIn(instances[1])
}
