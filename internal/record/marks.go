package record

import (
	"context"
	"encoding/base64"
	"errors"
	"math"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// MarkLife is how long a mark is kept, and so how long what begins a session may take:
	// Entra's ten seconds and those of OnSignIn, for each of a few credentials.
	MarkLife = 5 * time.Minute
	// Never is for how long ago a mark was put that does not exist.
	Never = time.Duration(math.MaxInt64)
	// markGrain is how exactly Redis counts, and rounds.
	markGrain = 2 * time.Millisecond
)

// Mark has Create refuse records of a label that began before, some time ago. Whoever ends
// what is listed marks first, and misses nothing that is about to be listed.
func (s *Store) Mark(ctx context.Context, label Label, ago time.Duration) error {
	return s.mark(ctx, label, nil, ago)
}

// MarkPart is Mark for the records in a part, see [Store.ListedIn], or for those of them
// that name the scope in their Creation.
func (s *Store) MarkPart(ctx context.Context, part int, scope Label, ago time.Duration) error {
	return s.mark(ctx, shard(part), scope, ago)
}

func (s *Store) mark(ctx context.Context, label, scope Label, ago time.Duration) error {
	if ago >= MarkLife {
		return nil // whatever has taken so long is refused without a mark
	}
	for _, key := range s.marks(label, scope) {
		if err := s.backend.Mark(ctx, key, ago); err != nil {
			return err
		}
	}
	return nil
}

// marks are the names of a label's mark under each key of the ring, on the slot of its
// list.
func (s *Store) marks(label, scope Label) []string {
	var names []string
	for _, sum := range s.ring.Sums(append(NewLabel("mark", string(scope)), label...)) {
		names = append(names, s.prefix+"n:{"+slotTag(label)+"}:"+base64.RawURLEncoding.EncodeToString(sum[:18]))
	}
	return names
}

// marksOf are those that refuse a new record.
func (s *Store) marksOf(name string, labels, scopes []Label) []string {
	part := shardOf(name)
	marks := []string{s.marks(part, nil)[0]}
	for _, label := range labels {
		marks = append(marks, s.marks(label, nil)[0])
	}
	for _, scope := range scopes {
		marks = append(marks, s.marks(part, scope)[0])
	}
	return marks
}

// mark writes what lives for a time, unless it lives longer. Redis's own clock measures
// the time since: no other has to agree with it. Its value is nothing anybody reads.
var mark = redis.NewScript(`
local left = redis.call("PTTL", KEYS[1])
if left < tonumber(ARGV[1]) or left > tonumber(ARGV[2]) then redis.call("SET", KEYS[1], "1", "PX", ARGV[1]) end
return 1`)

// Mark implements [Lists].
func (r *Redis) Mark(ctx context.Context, key string, ago time.Duration) error {
	life := (MarkLife - ago).Milliseconds()
	if life <= 0 {
		return nil
	}
	return mark.Run(ctx, r.client, []string{key}, strconv.FormatInt(life, 10), MarkLife.Milliseconds()).Err()
}

// Marked implements [Lists] in one round trip.
func (r *Redis) Marked(ctx context.Context, keys ...string) (time.Duration, error) {
	var marks marking
	if _, err := r.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		marks.queue(ctx, p, keys)
		return nil
	}); err != nil {
		return 0, err
	}
	return marks.settle()
}

// marking is a look at marks as a part of a pipeline.
type marking []*redis.DurationCmd

func (m *marking) queue(ctx context.Context, p redis.Pipeliner, keys []string) {
	for _, key := range keys {
		*m = append(*m, p.PTTL(ctx, key))
	}
}

func (m *marking) settle() (ago time.Duration, err error) {
	ago = Never
	for _, reply := range *m {
		left, err := reply.Result()
		if err != nil {
			return 0, err
		}
		if left > 0 && left <= MarkLife { // else it is none of ours
			ago = min(ago, max(0, MarkLife-left-markGrain))
		}
	}
	return ago, nil
}

// Mark implements [Backend].
func (g *Guarded) Mark(ctx context.Context, key string, ago time.Duration) error {
	_, err := guarded(ctx, g, "mark", key, func(ctx context.Context) (any, error) { return nil, g.Backend.Mark(ctx, key, ago) })
	return err
}

// Marked implements [Backend]. Where there are several parts, each key is asked of its own.
func (g *Guarded) Marked(ctx context.Context, keys ...string) (time.Duration, error) {
	if len(keys) == 0 {
		return Never, nil
	}
	if g.locate == nil {
		return guarded(ctx, g, "marked", keys[0], func(ctx context.Context) (time.Duration, error) { return g.Backend.Marked(ctx, keys...) })
	}
	ago, errs := make([]time.Duration, len(keys)), make([]error, len(keys))
	var wait sync.WaitGroup
	for i, key := range keys {
		wait.Go(func() {
			ago[i], errs[i] = guarded(ctx, g, "marked", key, func(ctx context.Context) (time.Duration, error) { return g.Backend.Marked(ctx, key) })
		})
	}
	wait.Wait()
	return slices.Min(ago), errors.Join(errs...)
}
