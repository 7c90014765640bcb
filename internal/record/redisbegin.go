package record

import (
	"context"

	"github.com/redis/go-redis/v9"
)

// Begin implements [Backend], in one round trip if Redis has the script cached. The name is listed only
// after the values have been written, and the marks of each list are read only after the list has been
// written. EndSessions marks first and lists afterwards. Therefore either EndSessions finds the values
// or Begin finds the mark.
func (r *Redis) Begin(ctx context.Context, p *BeginParams) (BeginResult, error) {
	_, ordered := r.client.(*redis.Client) // other clients redirect or distribute the commands of a pipeline
	lists := newEnlistQuery(p.Name, p.Until, p.Lists)
	written := make([]*redis.StatusCmd, len(p.Entries))
	_, err := r.client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for i, e := range p.Entries {
			written[i] = pipe.Set(ctx, e.Key, e.Value, p.TTL)
		}
		if ordered {
			lists.queue(ctx, pipe)
		}
		return nil
	})
	for _, reply := range written {
		if reply.Err() != nil {
			return BeginResult{}, reply.Err()
		}
	}
	if !ordered && len(p.Lists) > 0 {
		_, err = r.client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
			lists.queue(ctx, pipe)
			return nil
		})
	}
	return lists.result(ctx, r, err)
}
