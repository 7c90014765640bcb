package bench

import (
	"context"
	"net"
	"slices"
	"sync"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/gofiber/fiber/v2"
	"github.com/redis/go-redis/v9"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/internal/redistest"
)

// Budgets that are the same on every machine. Times are not, so they are in docs/performance.md. The
// race detector allocates, so these tests run without.
const (
	// requestAllocations are the limits of allocations for requests with sessions in memory, in
	// addition to those of a bare handler, with a margin of one. One request reads the user, and the
	// other uses the user's token. The design allows twelve.
	requestAllocations      = 5 + 1
	tokenRequestAllocations = 6 + 1
	// tokenAllocations is the limit for a cached token.
	tokenAllocations = 0
	// signInCommands is the number of round trips of a sign-in: one for the marker of the used
	// response, and one for the two records with the lists of sessions by user, by mail and by sid.
	signInCommands = 2
	// coldCommands is the number of commands that read the session and its tokens.
	coldCommands = 2
)

func TestBudget_AllocationsOfASignedInRequest(t *testing.T) {
	bare := newBare()
	floor := allocations(t, bare, bare.visitors[0])
	for name, row := range map[string]struct {
		s      *site
		budget float64
	}{
		"asks for the user": {oursAskingUser(t, nil), requestAllocations},
		"uses a token":      {oursAskingToken(t, nil), tokenRequestAllocations},
	} {
		if got := allocations(t, row.s, row.s.visitors[0]) - floor; got > row.budget {
			t.Errorf("%s: %v allocations beside the %v of a bare handler, the budget is %v", name, got, floor, row.budget)
		}
	}
}

func allocations(t *testing.T, s *site, v visitor) float64 {
	t.Helper()
	handler, ctx := s.app.Handler(), v.request()
	return testing.AllocsPerRun(1000, func() {
		if !v.send(handler, ctx) {
			t.Fatalf("status %d", ctx.Response.StatusCode())
		}
	})
}

func TestBudget_AllocationsOfARememberedToken(t *testing.T) {
	credential := warmCredential(t)
	got := testing.AllocsPerRun(1000, func() {
		if token, err := credential.GetToken(t.Context(), policy.TokenRequestOptions{}); err != nil || token.Token == "" {
			t.Fatal(err)
		}
	})
	if got > tokenAllocations {
		t.Errorf("%v allocations, the budget is %d", got, tokenAllocations)
	}
}

func TestBudget_ASignInIsOneTokenCallAndFewCommands(t *testing.T) {
	idp := newEntra(t)
	storage, commands := countedRedis(t)
	s := newOurs(t, ours(idp, storage), greet)
	signIn(t, s.app, idp, ourLogin, idp.Users()[0].UPN) // the first introduces the instance
	before := idp.Count(entratest.Token)
	for _, u := range idp.Users()[1:11] {
		commands.reset()
		signIn(t, s.app, idp, ourLogin, u.UPN)
		if sent := commands.reset(); len(sent) > signInCommands {
			t.Errorf("Redis gets %d commands, the budget is %d: %v", len(sent), signInCommands, sent)
		}
	}
	if calls := idp.Count(entratest.Token) - before; calls != 10 {
		t.Errorf("%d token calls for 10 sign-ins", calls)
	}
}

func TestBudget_DiscoveryAndKeysAreFetchedOncePerProcess(t *testing.T) {
	idp := newEntra(t)
	s := newOurs(t, ours(idp, nil), greet)
	var wait sync.WaitGroup
	for i := range 100 {
		wait.Go(func() { signIn(t, s.app, idp, ourLogin, idp.Users()[i%people].UPN) })
	}
	wait.Wait()
	for endpoint, want := range map[entratest.Endpoint]int{
		entratest.Discovery: 1, entratest.Keys: 1, entratest.InstanceDiscovery: 0, entratest.Token: 100,
	} {
		if got := idp.Count(endpoint); got != want {
			t.Errorf("%s: %d calls for 100 sign-ins, want %d", endpoint, got, want)
		}
	}
}

func TestBudget_TheFirstTokenAfterARestartIsTwoCommandsAndNoCall(t *testing.T) {
	idp := newEntra(t)
	storage, commands := countedRedis(t)
	before := newOurs(t, ours(idp, storage), useToken)
	v := visitor{cookies: signIn(t, before.app, idp, ourLogin, idp.Users()[0].UPN)}
	v.want = before.sendOnce(t, v)
	after := newOurs(t, ours(idp, storage), useToken)
	commands.reset()
	idp.ResetRequests()
	if got := after.sendOnce(t, v); got != v.want {
		t.Error("it is another token")
	}
	if sent := commands.reset(); len(sent) != coldCommands {
		t.Errorf("Redis gets %d commands, want %d: %v", len(sent), coldCommands, sent)
	}
	if calls := idp.Requests(); len(calls) != 0 {
		t.Errorf("%d calls to Entra", len(calls))
	}
}

// commands counts the commands that a client sends to Redis. Commands that a script runs inside Redis
// are not counted, because they are not round trips. A pipeline counts as one command.
type commands struct {
	mu   sync.Mutex
	sent []string
}

var _ redis.Hook = (*commands)(nil)

func countedRedis(tb testing.TB) (fiber.Storage, *commands) {
	tb.Helper()
	storage, err := fibermsal.RedisStorage(redistest.Start(tb).URL)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = storage.Close() })
	c := new(commands)
	storage.Conn().AddHook(c)
	return storage, c
}

// reset returns the commands since the last reset.
func (c *commands) reset() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	sent := slices.Clone(c.sent)
	c.sent = nil
	return sent
}

func (c *commands) note(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sent = append(c.sent, name)
}

// DialHook implements redis.Hook.
func (c *commands) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

// ProcessHook implements redis.Hook.
func (c *commands) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		c.note(cmd.Name())
		return next(ctx, cmd)
	}
}

// ProcessPipelineHook implements redis.Hook.
func (c *commands) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		for _, cmd := range cmds {
			if cmd.Name() == "hello" || cmd.Name() == "client" {
				return next(ctx, cmds) // a new connection
			}
		}
		c.note("pipeline")
		return next(ctx, cmds)
	}
}
