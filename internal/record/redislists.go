package record

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/redis/go-redis/v9"
)

// enlist atomically adds a name to a list and extends the list's TTL. It returns the age of the latest
// of some marks, or -1, followed by the names that exceed the limit. The list lives at least as long as
// the last of its names by the caller's clock. The TTL is not an absolute time, because a Redis whose
// clock is ahead would then remove the list too early.
//
// Redis counts each command of a script, so the script uses as few as possible. PEXPIRE extends a TTL
// with GT and sets one with NX; the caller passes which of them is more likely to succeed. Redis before
// 7.0 supports neither, so the TTL is then computed from the last name. Callers skip expired names, so
// these do not matter until the limit is exceeded, and only some calls remove them.
var enlist = redis.NewScript(enlistSource)

const enlistSource = markAge + `
local name, expiry, since, limit = ARGV[3], ARGV[4], ARGV[5], tonumber(ARGV[6])
local newest, prunes, new = ARGV[7] == "1", ARGV[8] == "1", ARGV[9] == "1"
local function prune() redis.call("ZREMRANGEBYSCORE", KEYS[1], "-inf", since) end
local function extend(first, second)
	local life = string.format("%.0f", expiry - since)
	local set = redis.pcall("PEXPIRE", KEYS[1], life, first)
	if set == 0 then set = redis.pcall("PEXPIRE", KEYS[1], life, second) end
	if type(set) == "number" then return end
	local last = redis.call("ZRANGE", KEYS[1], -1, -1, "WITHSCORES")
	redis.call("PEXPIRE", KEYS[1], string.format("%.0f", last[2] - since))
end
local function excess()
	local over = redis.call("ZCARD", KEYS[1]) - limit
	if over > 0 and not prunes then
		prune()
		over = redis.call("ZCARD", KEYS[1]) - limit
	end
	if over <= 0 then return {} end
	if not newest then return redis.call("ZRANGE", KEYS[1], 0, over - 1) end
	local others = {}
	for _, other in ipairs(redis.call("ZRANGE", KEYS[1], 0, over)) do
		if other ~= name and #others < over then table.insert(others, other) end
	end
	return others
end
if prunes then prune() end
redis.call("ZADD", KEYS[1], expiry, name)
if new then extend("NX", "GT") else extend("GT", "NX") end
local reply = {}
if limit > 0 then reply = excess() end
local latest = -1
for i = 2, #KEYS do
	local marked = age(KEYS[i])
	if marked >= 0 and (latest < 0 or marked < latest) then latest = marked end
end
table.insert(reply, 1, latest)
return reply`

// pruneEvery is the average number of additions to lists per removal of expired names, which is also
// about the maximum number of expired names on a list. Removals happen at random, because a fixed order
// could miss a list forever.
const pruneEvery = 16

// Enlist implements [Lists] in one round trip if Redis has the script cached.
func (r *Redis) Enlist(ctx context.Context, name string, until time.Time, lists ...List) ([]string, error) {
	query := newEnlistQuery(name, until, lists)
	_, err := r.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		query.queue(ctx, p)
		return nil
	})
	result, err := query.result(ctx, r, err)
	return result.Excess, err
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
		q.replies[i] = enlist.EvalSha(ctx, p, list.keys(), q.arguments(list)...)
	}
}

// keys returns the keys of the list and its marks.
func (l List) keys() []string { return append([]string{l.Key}, l.Marks...) }

func (q *enlistQuery) arguments(list List) []any {
	prunes := rand.IntN(pruneEvery) == 0 //nolint:gosec // no secret
	return append(markArguments(), q.name, q.until.UnixMilli(), q.now.UnixMilli(), list.Max, list.Newest, prunes, list.New)
}

// result evaluates the replies, given the pipeline's error. It sends the script if Redis does not have
// it cached, and replaces keys that are not lists. It returns the excess of the first list and the age
// of the latest mark.
func (q *enlistQuery) result(ctx context.Context, r *Redis, err error) (BeginResult, error) {
	if err != nil && !isNoScript(err) && !isWrongType(err) {
		return BeginResult{}, err
	}
	result := BeginResult{Marked: Never}
	for i, list := range q.lists {
		if isNoScript(q.replies[i].Err()) {
			q.replies[i] = enlist.Run(ctx, r.client, list.keys(), q.arguments(list)...)
		}
		if isWrongType(q.replies[i].Err()) {
			if err := r.discard(ctx, list.Key); err != nil {
				return BeginResult{}, err
			}
			q.replies[i] = enlist.Run(ctx, r.client, list.keys(), q.arguments(list)...)
		}
		excess, marked, err := enlistedIn(q.replies[i])
		if err != nil {
			return BeginResult{}, err
		}
		if i == 0 {
			result.Excess = excess
		}
		result.Marked = min(result.Marked, marked)
	}
	return result, nil
}

// enlistedIn reads the reply of the script. A reply to another command is an error, so that a swapped
// reply neither ends sessions nor hides a mark (threat G6).
func enlistedIn(reply *redis.Cmd) (excess []string, marked time.Duration, err error) {
	values, err := reply.Slice()
	if err != nil {
		return nil, 0, err
	}
	if len(values) == 0 {
		return nil, 0, errForeignReply
	}
	age, ok := values[0].(int64)
	for _, value := range values[1:] {
		name, isText := value.(string)
		excess, ok = append(excess, name), ok && isText
	}
	switch {
	case !ok:
		return nil, 0, errForeignReply
	case age < 0:
		return excess, Never, nil
	}
	return excess, leastAge(age), nil
}

// Listed implements [Lists] in one round trip. It sends a command per list, which works with Redis 6.0
// and does not fail while a Cluster moves the slot.
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
		err = nil // all commands ran; go-redis returns the first error reply
	}
	return err
}
