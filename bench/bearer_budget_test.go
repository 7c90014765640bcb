package bench

import "testing"

// Budgets of a call with an access token, beside a bare handler's, and one to spare.
const (
	rememberedCallAllocations = 9 + 1
	newCallAllocations        = 68 + 1
)

func TestBudget_AllocationsOfACallWithAnAccessToken(t *testing.T) {
	bare := newBare()
	floor := allocations(t, bare, bare.visitors[0])
	idp := newAPI(t)
	s := oursVerifying(t, idp, nil)
	if got := allocations(t, s, callers(idp, 1)[0]) - floor; got > rememberedCallAllocations {
		t.Errorf("a remembered token: %v allocations beside the %v of a bare handler, the budget is %v", got, floor, rememberedCallAllocations)
	}
	const calls = 100
	clients, sent := callers(idp, calls+1), 0 // one of them warms up
	handler, ctx := s.app.Handler(), clients[0].request()
	got := testing.AllocsPerRun(calls, func() {
		v := clients[sent]
		sent++
		ctx.Request.Header.Set("Authorization", v.authorization)
		if !v.send(handler, ctx) {
			t.Fatalf("status %d", ctx.Response.StatusCode())
		}
	})
	if got -= floor; got > newCallAllocations {
		t.Errorf("a new token: %v allocations beside the %v of a bare handler, the budget is %v", got, floor, newCallAllocations)
	}
}

func TestBudget_ACallWithAnAccessTokenReadsNoStorage(t *testing.T) {
	idp := newAPI(t)
	storage, commands := countedRedis(t)
	s := oursVerifying(t, idp, storage)
	commands.reset()
	for _, v := range callers(idp, 5) {
		for range 2 {
			if got := s.sendOnce(t, v); got != v.want {
				t.Errorf("answered %q, want %q", got, v.want)
			}
		}
	}
	if sent := commands.reset(); len(sent) != 0 {
		t.Errorf("Redis gets %v", sent)
	}
}
