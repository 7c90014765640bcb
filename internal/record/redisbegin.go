package record

import (
	"context"

	"github.com/redis/go-redis/v9"
)

// Begin implements [Backend], in one round trip if Redis has the script cached and there are no marks. The
// marks are read after the lists are written, in time and not only in order: EndSessions marks first and
// lists then, so that either it or Begin sees the other.
func (r *Redis) Begin(ctx context.Context, p *BeginParams) (BeginResult, error) {
	_, ordered := r.client.(*redis.Client) // other clients redirect or distribute the commands of a pipeline
	lists := newEnlistQuery(p.Name, p.Until, p.Lists)
	written := make([]*redis.StatusCmd, len(p.Entries))
	marks := newMarkQuery(p.Marks)
	_, err := r.client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for i, e := range p.Entries {
			written[i] = pipe.Set(ctx, e.Key, e.Value, p.TTL)
		}
		lists.queue(ctx, pipe)
		if ordered {
			marks.queue(ctx, pipe)
		}
		return nil
	})
	for _, reply := range written {
		if reply.Err() != nil {
			return BeginResult{}, reply.Err()
		}
	}
	excess, later, err := lists.result(ctx, r, err)
	result := BeginResult{Excess: excess, Marked: Never}
	switch {
	case err != nil || len(p.Marks) == 0:
	case ordered && !later:
		result.Marked, err = marks.result(ctx, r)
	default:
		result.Marked, err = r.Marked(ctx, p.Marks...)
	}
	return result, err
}
