package main

import (
	"context"
	"math/rand/v2"
)

// getAs returns a step that gets a page as a random signed-in user.
func getAs(path func(system) string) step {
	return func(s *server, worker, _ int) error {
		return s.get(worker, s.users[rand.IntN(len(s.users))], path(s.system))
	}
}

func (b *bench) pages(ctx context.Context, name, title, base string, path func(system) string) (*result, error) {
	return b.pagesOf(ctx, b.options.connections, name, title, base, path)
}

// pagesOf lets the given number of users request a page at the same time.
func (b *bench) pagesOf(ctx context.Context, users int, name, title, base string, path func(system) string) (*result, error) {
	runs, err := b.turns(ctx, name, users, func(s system) bool { return path(s) != "" }, getAs(path))
	if err != nil {
		return nil, err
	}
	r := newResult(name, title, base, b, runs)
	r.AtOnce = users
	for _, s := range b.servers {
		memory, err := s.redis.memory(ctx)
		if err != nil {
			return nil, err
		}
		r.Idle[s.Name], r.PerSession[s.Name] = s.idle, memory/int64(len(s.users))
	}
	return r, nil
}

// sessionWorkload asks who is signed in: W1.
func sessionWorkload(ctx context.Context, b *bench) (*result, error) {
	return b.pages(ctx, "session", "a signed-in request that only asks who it is", bareGet, func(s system) string { return s.Session })
}

// loneSessionWorkload is like sessionWorkload, but sends one request after the other, so that no round
// trips are shared.
func loneSessionWorkload(ctx context.Context, b *bench) (*result, error) {
	return b.pagesOf(ctx, 1, "session-one", "a signed-in request that only asks who it is", bareGet, func(s system) string { return s.Session })
}

// graphWorkload uses the token for one call over plain HTTP: W2.
func graphWorkload(ctx context.Context, b *bench) (*result, error) {
	return b.pages(ctx, "graph", "a signed-in request that asks Graph for /me, over plain HTTP", fiberFloor, func(s system) string { return s.Graph })
}

// typedWorkload does so through Microsoft's generated client: W2.
func typedWorkload(ctx context.Context, b *bench) (*result, error) {
	return b.pages(ctx, "typed", "the same through Microsoft's typed SDK", fiberFloor, func(s system) string { return s.Typed })
}

// graphH2Workload and typedH2Workload are the same over HTTP/2, which Graph speaks.
func graphH2Workload(ctx context.Context, b *bench) (*result, error) {
	return b.pages(ctx, "graph-h2", "a signed-in request that asks Graph for /me, by net/http over HTTP/2", floorOnH2, func(s system) string { return s.GraphH2 })
}

func typedH2Workload(ctx context.Context, b *bench) (*result, error) {
	return b.pages(ctx, "typed-h2", "the same through Microsoft's typed SDK, over HTTP/2", floorOnH2, func(s system) string { return s.TypedH2 })
}

func callsAPI(s system) bool { return s.API != "" }

// bearerWorkload calls an API with the access tokens of users. Each token is used many times.
func bearerWorkload(ctx context.Context, b *bench) (*result, error) {
	clients := b.emulator.clients(b.options.users)
	return b.api(ctx, "bearer", "a call of an API with an access token that it has seen before", func(*server) *visitor {
		return clients[rand.IntN(len(clients))]
	})
}

// newBearerWorkload does the same with tokens that the API has not seen before, or that other tokens
// have displaced from its cache.
func newBearerWorkload(ctx context.Context, b *bench) (*result, error) {
	clients := b.emulator.clients(b.options.accessTokens)
	return b.api(ctx, "bearernew", "the same with an access token that is new each time", func(s *server) *visitor {
		return clients[s.calls.Add(1)%uint64(len(clients))]
	})
}

func (b *bench) api(ctx context.Context, name, title string, client func(*server) *visitor) (*result, error) {
	runs, err := b.turns(ctx, name, b.options.connections, callsAPI, func(s *server, worker, _ int) error {
		return s.get(worker, client(s), s.API)
	})
	if err != nil {
		return nil, err
	}
	r := newResult(name, title, contribJWT, b, runs)
	r.AtOnce = b.options.connections
	return r, nil
}

func signsIn(s system) bool { return s.Login != "" && s.Instances < 2 && !s.usesH2() }

// signingIn is a step that signs a user in.
func (b *bench) signingIn(s *server, worker, _ int) error {
	who := b.emulator.people[rand.IntN(len(b.emulator.people))]
	_, err := s.enter(worker, who.UPN, who.ID)
	return err
}

// signInWorkload signs users in: W3.
func signInWorkload(ctx context.Context, b *bench) (*result, error) {
	return b.signInsOf(ctx, b.options.signIns, "signin")
}

// loneSignInWorkload signs users in one after the other.
func loneSignInWorkload(ctx context.Context, b *bench) (*result, error) {
	return b.signInsOf(ctx, 1, "signin-one")
}

func (b *bench) signInsOf(ctx context.Context, users int, name string) (*result, error) {
	runs, err := b.turns(ctx, name, users, signsIn, b.signingIn)
	if err != nil {
		return nil, err
	}
	r := newResult(name, "a whole sign-in: the request that starts it and the one that takes Entra's answer", goth, b, runs)
	r.AtOnce = users
	return r, nil
}
