package main

import (
	"context"
	"log"
	"sync/atomic"
)

// tokensWorkload measures requests that use the user's token while the sessions grow in number, each
// with tokens. Every session has been used once before.
func tokensWorkload(ctx context.Context, b *bench) (*result, error) {
	r := &result{Workload: "tokens", Title: "a request that uses the token among many sessions", AtOnce: b.options.connections, Systems: map[string]string{}}
	for _, s := range b.servers {
		if s.Token == "" {
			continue
		}
		r.Systems[s.Name] = s.About
		c, err := newCrowd(ctx, s, b.emulator, b.key)
		if err != nil {
			return nil, err
		}
		for size := min(1000, b.options.tokens); ; size = min(size*10, b.options.tokens) {
			g, err := c.tokenStage(ctx, b, size)
			if err != nil {
				return nil, err
			}
			log.Printf("tokens     %7d sessions: request %.1f us CPU, %.2f commands; the first one of each %.1f us CPU, %.2f commands; %d MB resident, %d bytes of Redis for each",
				size, g.Session.CPU, g.Session.Redis, g.First.CPU, g.First.Redis, g.Resident>>20, g.PerSession)
			r.Growth = append(r.Growth, g)
			if size == b.options.tokens {
				break
			}
		}
	}
	return r, nil
}

func (c *crowd) tokenStage(ctx context.Context, b *bench, size int) (g stage, err error) {
	used := c.size
	if err := c.grow(ctx, size); err != nil {
		return g, err
	}
	g.Sessions = size
	if g.PerSession, err = c.perSession(ctx); err != nil {
		return g, err
	}
	var next atomic.Int64
	next.Store(int64(used))
	if g.First, err = b.measureUntil(ctx, c.server, b.options.connections, func() bool { return int(next.Load()) >= size },
		func(s *server, worker, _ int) error { return c.get(worker, min(int(next.Add(1)), size)-1, s.Token) }); err != nil {
		return g, err
	}
	if g.Session, err = b.measure(ctx, c.server, b.options.connections, 2*b.options.duration,
		func(s *server, worker, _ int) error { return c.get(worker, c.anyone(), s.Token) }); err != nil {
		return g, err
	}
	g.Resident, err = c.server.resident()
	return g, err
}
