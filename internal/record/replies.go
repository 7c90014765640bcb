package record

import (
	"context"
	"errors"
	"strings"

	"github.com/redis/go-redis/v9"
)

// isWrongType reports whether a key holds a value of another type than ours, which
// somebody else put there. Redis 6 puts other words in front of a script's error.
func isWrongType(err error) bool {
	if err == nil {
		return false // before anything is allocated
	}
	var reply redis.Error
	return errors.As(err, &reply) && strings.Contains(reply.Error(), "WRONGTYPE ")
}

func isNoScript(err error) bool { return redis.HasErrorPrefix(err, "NOSCRIPT") }

// discard removes a value of another type, so that it does not fail for ever (threat E11).
func (r *Redis) discard(ctx context.Context, key string) error {
	if err := r.client.Del(ctx, key).Err(); err != nil {
		return err
	}
	if r.Discarded != nil {
		r.Discarded(key)
	}
	return nil
}

// discardEndless removes a lock that has no end, as none of ours is. If that fails it is
// tried again.
func (r *Redis) discardEndless(ctx context.Context, key string) {
	const none = -1 // nanosecond: go-redis passes on the reply for a key without an end
	if life, err := r.client.PTTL(ctx, key).Result(); err == nil && life == none {
		_ = r.discard(ctx, key)
	}
}
