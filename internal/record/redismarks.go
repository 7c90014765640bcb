package record

import (
	"context"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// markGrain is the precision of a TTL in Redis, including rounding.
const markGrain = 2 * time.Millisecond

// mark writes a key that lives for a time, unless it lives longer already. The key's TTL gives
// the mark's age by the clock of Redis, so that no other clock has to agree with it. The value
// is not read.
var mark = redis.NewScript(`
local left = redis.call("PTTL", KEYS[1])
if left < tonumber(ARGV[1]) or left > tonumber(ARGV[2]) then redis.call("SET", KEYS[1], "1", "PX", ARGV[1]) end
return 1`)

// Mark implements [Lists].
func (r *Redis) Mark(ctx context.Context, key string, ago time.Duration) error {
	ttl := (MarkTTL - ago).Milliseconds()
	if ttl <= 0 {
		return nil
	}
	return mark.Run(ctx, r.client, []string{key}, strconv.FormatInt(ttl, 10), MarkTTL.Milliseconds()).Err()
}

// Marked implements [Lists] in one round trip.
func (r *Redis) Marked(ctx context.Context, keys ...string) (time.Duration, error) {
	var query markQuery
	if _, err := r.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		query.queue(ctx, p, keys)
		return nil
	}); err != nil {
		return 0, err
	}
	return query.result()
}

// markQuery is the part of a pipeline that looks at marks.
type markQuery []*redis.DurationCmd

func (q *markQuery) queue(ctx context.Context, p redis.Pipeliner, keys []string) {
	for _, key := range keys {
		*q = append(*q, p.PTTL(ctx, key))
	}
}

func (q *markQuery) result() (ago time.Duration, err error) {
	ago = Never
	for _, reply := range *q {
		ttl, err := reply.Result()
		if err != nil {
			return 0, err
		}
		if ttl > 0 && ttl <= MarkTTL { // otherwise another program wrote the key
			ago = min(ago, max(0, MarkTTL-ttl-markGrain))
		}
	}
	return ago, nil
}
