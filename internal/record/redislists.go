package record

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"
)

// enlist removes expired names from a list, adds one, extends the list's TTL, and returns the
// names that exceed the limit, all in one step. The list lives as long as the last of its names
// by the caller's clock: if the TTL were an absolute time, a Redis whose clock is ahead would
// remove the list too early.
var enlist = redis.NewScript(`
redis.call("ZREMRANGEBYSCORE", KEYS[1], "-inf", ARGV[3])
redis.call("ZADD", KEYS[1], ARGV[2], ARGV[1])
local last = redis.call("ZRANGE", KEYS[1], -1, -1, "WITHSCORES")
redis.call("PEXPIRE", KEYS[1], string.format("%.0f", last[2] - ARGV[3]))
local over = 0
if tonumber(ARGV[4]) > 0 then over = redis.call("ZCARD", KEYS[1]) - ARGV[4] end
if over <= 0 then return {} end
if ARGV[5] ~= "1" then return redis.call("ZRANGE", KEYS[1], 0, over - 1) end
local others = {}
for _, name in ipairs(redis.call("ZRANGE", KEYS[1], 0, over)) do
	if name ~= ARGV[1] and #others < over then table.insert(others, name) end
end
return others`)

// Enlist implements [Lists] in one round trip if Redis has the script cached.
func (r *Redis) Enlist(ctx context.Context, name string, until time.Time, lists ...List) (excess []string, err error) {
	query := newEnlistQuery(name, until, lists)
	_, err = r.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		query.queue(ctx, p)
		return nil
	})
	excess, _, err = query.result(ctx, r, err)
	return excess, err
}

// enlistQuery is the part of a pipeline that adds a name to lists.
type enlistQuery struct {
	name       string
	until, now time.Time
	lists      []List
	replies    []*redis.Cmd
}

func newEnlistQuery(name string, until time.Time, lists []List) *enlistQuery {
	return &enlistQuery{name, until, time.Now(), lists, make([]*redis.Cmd, len(lists))}
}

func (q *enlistQuery) queue(ctx context.Context, p redis.Pipeliner) {
	for i, list := range q.lists {
		q.replies[i] = enlist.EvalSha(ctx, p, []string{list.Key}, q.arguments(list)...)
	}
}

func (q *enlistQuery) arguments(list List) []any {
	return []any{q.name, q.until.UnixMilli(), q.now.UnixMilli(), list.Max, list.Newest}
}

// result takes the pipeline's error, sends the script if Redis does not have it cached, and
// replaces keys that are not lists. It returns the excess of the first list, and whether any
// list was written after the pipeline.
func (q *enlistQuery) result(ctx context.Context, r *Redis, err error) (excess []string, later bool, _ error) {
	if err != nil && !isNoScript(err) && !isWrongType(err) {
		return nil, false, err
	}
	for i, list := range q.lists {
		if isNoScript(q.replies[i].Err()) {
			later = true
			q.replies[i] = enlist.Run(ctx, r.client, []string{list.Key}, q.arguments(list)...)
		}
		if isWrongType(q.replies[i].Err()) {
			later = true
			if err := r.discard(ctx, list.Key); err != nil {
				return nil, later, err
			}
			q.replies[i] = enlist.Run(ctx, r.client, []string{list.Key}, q.arguments(list)...)
		}
		if err := q.replies[i].Err(); err != nil {
			return nil, later, err
		}
	}
	if len(q.lists) == 0 {
		return nil, later, nil
	}
	excess, err = q.replies[0].StringSlice()
	return excess, later, err
}

// Listed implements [Lists] in one round trip. It sends a command per list, which works on
// Redis 6.0 and does not fail while a Cluster moves their slot.
func (r *Redis) Listed(ctx context.Context, lists ...string) (names []string, err error) {
	replies := make([]*redis.ZSliceCmd, len(lists))
	_, err = r.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, list := range lists {
			replies[i] = p.ZRangeWithScores(ctx, list, 0, -1)
		}
		return nil
	})
	if err != nil && !isWrongType(err) {
		return nil, err
	}
	now := time.Now()
	expiries := make(map[string]time.Time)
	for i, reply := range replies {
		switch err := reply.Err(); {
		case isWrongType(err):
			if err := r.discard(ctx, lists[i]); err != nil {
				return nil, err
			}
		case err != nil:
			return nil, err
		}
		for _, z := range reply.Val() {
			name, _ := z.Member.(string)
			if until := time.UnixMilli(int64(z.Score)); until.After(now) && until.After(expiries[name]) {
				expiries[name] = until
			}
		}
	}
	return lastFirst(expiries), nil
}

// Delist implements [Lists] in one round trip. A key that is not a list contains no names.
func (r *Redis) Delist(ctx context.Context, name string, lists ...string) error {
	_, err := r.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for _, list := range lists {
			p.ZRem(ctx, list, name)
		}
		return nil
	})
	if isWrongType(err) {
		err = nil // all commands ran: go-redis returns the first reply that is an error
	}
	return err
}
