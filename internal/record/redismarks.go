package record

import (
	"context"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// ttlGrain is how much older a mark may appear than it is, because its TTL is rounded to whole
	// milliseconds when the mark is put and when it is read.
	ttlGrain = 2 * time.Millisecond
	// timeGrain is the same for Redis's times, which are in whole microseconds.
	timeGrain = time.Microsecond
	// clockDrift limits how much faster the clock of Redis may be than that of this process: by one
	// part in clockDrift. NTP changes the rate of a clock by at most 500 ppm.
	clockDrift = 1000
)

// errForeignReply means that Redis, or a proxy in front of it, has sent the reply to another command.
var errForeignReply = errors.New("record: the reply to another command")

// markAge is the common beginning of the scripts that read marks. It defines the time of Redis and a
// function that returns the age of a mark, or -1 if there is none. ARGV[1] is MarkTTL and ARGV[2] is
// ttlGrain. All are in microseconds. A mark that does not exist, which is the usual case, costs one
// command.
//
// Only the clock of Redis measures the age, so that clocks need not agree. The value of a mark is its
// time, and the mark expires MarkTTL later. Marks of earlier versions have the value 1, and so do those
// of a Redis user without the right to use TIME. The age of such marks is computed from their TTL, as
// is that of all marks for such a user. If the time of a mark is in the future because the clock was
// set back, the age is 0, so that sign-ins are refused.
const markAge = `
local ttl, grain = tonumber(ARGV[1]), tonumber(ARGV[2])
local function now()
	local time = redis.pcall("TIME")
	return not time.err and time[1] * 1000000 + time[2]
end
local function age(key)
	local value = redis.pcall("GET", key)
	if not value then return -1 end
	local now, at = now(), type(value) == "string" and tonumber(value)
	if now and at and math.abs(now - at) <= ttl then return math.max(0, now - at) end
	local left = redis.call("PTTL", key) * 1000
	if left <= 0 or left > ttl then return -1 end
	return math.max(0, ttl - left - grain)
end
`

// mark puts a mark with an age of ARGV[3] microseconds, unless there is a later mark.
var mark = redis.NewScript(markAge + `
local ago, marked, now = tonumber(ARGV[3]), age(KEYS[1]), now()
if marked >= 0 and marked < ago then ago = marked end
local value = "1"
if now then value = string.format("%.0f", now - ago) end
redis.call("SET", KEYS[1], value, "PX", string.format("%.0f", math.floor((ttl - ago) / 1000)))
return 1`)

// marked returns the age in a table, or an empty table if there is no mark. Other scripts reply with
// numbers or tables of names, so a swapped reply is either an error or harmless (threat G6).
var marked = redis.NewScript(markAge + `
local marked = age(KEYS[1])
if marked < 0 then return {} end
return {marked}`)

// Mark implements [Lists].
func (r *Redis) Mark(ctx context.Context, key string, ago time.Duration) error {
	if MarkTTL-ago < time.Millisecond {
		return nil
	}
	return mark.Run(ctx, r.client, []string{key}, MarkTTL.Microseconds(), ttlGrain.Microseconds(), ago.Microseconds()).Err()
}

// Marked implements [Lists] in one round trip if Redis has the script cached.
func (r *Redis) Marked(ctx context.Context, keys ...string) (time.Duration, error) {
	query := newMarkQuery(keys)
	_, err := r.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		query.queue(ctx, p)
		return nil
	})
	if err != nil && !isNoScript(err) {
		return 0, err
	}
	return query.result(ctx, r)
}

// markQuery is the part of a pipeline that reads marks.
type markQuery struct {
	keys    []string
	replies []*redis.Cmd
}

func newMarkQuery(keys []string) *markQuery {
	return &markQuery{keys, make([]*redis.Cmd, len(keys))}
}

func (q *markQuery) queue(ctx context.Context, p redis.Pipeliner) {
	for i, key := range q.keys {
		q.replies[i] = marked.EvalSha(ctx, p, []string{key}, markArguments()...)
	}
}

// result evaluates the replies. It sends the script if Redis does not have it cached.
func (q *markQuery) result(ctx context.Context, r *Redis) (ago time.Duration, err error) {
	ago = Never
	for i, reply := range q.replies {
		if isNoScript(reply.Err()) {
			reply = marked.Run(ctx, r.client, []string{q.keys[i]}, markArguments()...)
		}
		age, err := ageIn(reply)
		if err != nil {
			return 0, err
		}
		ago = min(ago, age)
	}
	return ago, nil
}

// ageIn returns the minimum age of a mark by the clock of this process, or [Never].
func ageIn(reply *redis.Cmd) (time.Duration, error) {
	values, err := reply.Slice()
	if err != nil || len(values) == 0 {
		return Never, err
	}
	microseconds, ok := values[0].(int64)
	if !ok || len(values) > 1 {
		return 0, errForeignReply
	}
	return leastAge(microseconds), nil
}

// leastAge returns the minimum age of a mark by the clock of this process.
func leastAge(microseconds int64) time.Duration {
	measured := time.Duration(microseconds) * time.Microsecond
	return max(0, measured-timeGrain-measured/clockDrift)
}

func markArguments() []any { return []any{MarkTTL.Microseconds(), ttlGrain.Microseconds()} }
