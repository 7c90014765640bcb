package record

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"
)

// Beginning is what a session begins with.
type Beginning struct {
	TTL     time.Duration
	Entries []Entry // on one slot of a Cluster
	// Name, Until and Lists are as for Enlist.
	Name  string
	Until time.Time
	Lists []List
	Marks []string
}

// Begun is what became of it.
type Begun struct {
	Excess []string      // as of Enlist
	Marked time.Duration // as of Marked, when all was enlisted
}

// Begin implements [Backend], in one round trip once Redis knows the script. The marks come
// after the lists in time, not only in order: whoever ends sessions marks first and lists
// then, so that one of the two sees the other.
func (r *Redis) Begin(ctx context.Context, b *Beginning) (Begun, error) {
	_, together := r.client.(*redis.Client) // others redirect or spread the commands of a pipeline
	listing := newListing(b.Name, b.Until, b.Lists)
	written := make([]*redis.StatusCmd, len(b.Entries))
	var marks marking
	_, err := r.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, e := range b.Entries {
			written[i] = p.Set(ctx, e.Key, e.Value, b.TTL)
		}
		listing.queue(ctx, p)
		if together {
			marks.queue(ctx, p, b.Marks)
		}
		return nil
	})
	for _, reply := range written {
		if reply.Err() != nil {
			return Begun{}, reply.Err()
		}
	}
	excess, later, err := listing.settle(ctx, r, err)
	begun := Begun{Excess: excess, Marked: Never}
	switch {
	case err != nil || len(b.Marks) == 0:
	case together && !later:
		begun.Marked, err = marks.settle()
	default:
		begun.Marked, err = r.Marked(ctx, b.Marks...)
	}
	return begun, err
}

// Begin implements [Backend], in steps where there are several parts: what is on one that
// is down must not be taken for what is on another.
func (g *Guarded) Begin(ctx context.Context, b *Beginning) (Begun, error) {
	first := *b
	if g.locate != nil {
		first.Lists, first.Marks = nil, nil
	}
	begun, err := guarded(ctx, g, "set", b.Entries[0].Key, func(ctx context.Context) (Begun, error) { return g.Backend.Begin(ctx, &first) })
	if err != nil || g.locate == nil {
		return begun, err
	}
	if len(b.Lists) > 0 {
		begun.Excess, err = g.Enlist(ctx, b.Name, b.Until, b.Lists...)
	}
	if err == nil {
		begun.Marked, err = g.Marked(ctx, b.Marks...)
	}
	return begun, err
}

// beginOn is Begin for backends of this process.
func beginOn(ctx context.Context, backend Backend, b *Beginning) (begun Begun, err error) {
	for _, e := range b.Entries {
		if err := backend.Set(ctx, e.Key, e.Value, b.TTL); err != nil {
			return Begun{}, err
		}
	}
	if begun.Excess, err = backend.Enlist(ctx, b.Name, b.Until, b.Lists...); err != nil {
		return Begun{}, err
	}
	begun.Marked, err = backend.Marked(ctx, b.Marks...)
	return begun, err
}
