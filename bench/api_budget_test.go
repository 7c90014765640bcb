package bench

import (
	"testing"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
)

const (
	// callAllocations is the limit of allocations for a call with a cached access token, in addition to
	// those of a bare handler. It includes a margin of one.
	callAllocations = 5 + 1
	// newCallAllocations is the limit for a call with a new token, whose signature is verified. It
	// includes a margin of five.
	newCallAllocations = 68 + 5
)

// budgetAPI makes an app whose API answers with the caller.
func budgetAPI(t *testing.T, storage fiber.Storage, version int) (*site, *entra, string) {
	t.Helper()
	idp := newEntra(t, entratest.WithAPI(entratest.API{
		URI: "api://00001111-aaaa-2222-bbbb-3333cccc4444", Version: version, Scopes: []string{"access_as_user"},
	}))
	s := newOurs(t, ours(idp, storage), fibermsal.RequireToken(fibermsal.HasScope("access_as_user")), greet)
	return s, idp, "api://" + idp.ClientID + "/access_as_user"
}

// calling is a request with an access token.
func calling(raw string) *fasthttp.RequestCtx {
	ctx := visitor{}.request()
	ctx.Request.Header.Set(fiber.HeaderAuthorization, "Bearer "+raw)
	return ctx
}

func TestBudget_AllocationsOfACallWithAToken(t *testing.T) {
	bare := newBare()
	floor := allocations(t, bare, bare.visitors[0])
	for _, version := range []int{1, 2} {
		s, idp, scope := budgetAPI(t, nil, version)
		handler, u := s.app.Handler(), idp.Users()[0]
		v := visitor{want: u.ID}
		ctx := calling(idp.Issue(u.UPN, scope))
		remembered := testing.AllocsPerRun(1000, func() {
			if !v.send(handler, ctx) {
				t.Fatalf("status %d", ctx.Response.StatusCode())
			}
		}) - floor
		calls := make([]*fasthttp.RequestCtx, 101) // AllocsPerRun runs once more
		for i := range calls {
			calls[i] = calling(idp.Issue(u.UPN, scope))
		}
		fresh := testing.AllocsPerRun(len(calls)-1, func() {
			if !v.send(handler, calls[0]) {
				t.Fatalf("status %d", calls[0].Response.StatusCode())
			}
			calls = calls[1:]
		}) - floor
		t.Logf("version %d: %v allocations with a remembered token, %v with a new one", version, remembered, fresh)
		if remembered > callAllocations || fresh > newCallAllocations {
			t.Errorf("version %d: %v allocations with a remembered token, %v with a new one: the budgets are %d and %d",
				version, remembered, fresh, callAllocations, newCallAllocations)
		}
	}
}

func TestBudget_ACallWithATokenCostsNoCommandAndNoCallToEntra(t *testing.T) {
	storage, commands := countedRedis(t)
	s, idp, scope := budgetAPI(t, storage, 2)
	handler, u := s.app.Handler(), idp.Users()[0]
	v := visitor{want: u.ID}
	v.send(handler, calling(idp.Issue(u.UPN, scope))) // fetches the metadata and the keys
	commands.reset()
	idp.ResetRequests()
	for range 20 {
		if ctx := calling(idp.Issue(u.UPN, scope)); !v.send(handler, ctx) {
			t.Fatalf("status %d", ctx.Response.StatusCode())
		}
	}
	if sent := commands.reset(); len(sent) != 0 {
		t.Errorf("Redis gets %d commands: %v", len(sent), sent)
	}
	if calls := idp.Requests(); len(calls) != 0 {
		t.Errorf("%d calls to Entra", len(calls))
	}
}
