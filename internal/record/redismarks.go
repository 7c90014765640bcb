package record

import (
	"context"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// ttlGrain is how much older than it is a mark may seem by its TTL, which is in whole
	// milliseconds, and is rounded when the mark is put and when it is read.
	ttlGrain = 2 * time.Millisecond
	// timeGrain is the same for times of Redis, which are in whole microseconds.
	timeGrain = time.Microsecond
	// clockDrift limits how much faster the clock of Redis may be than that of this process:
	// by one part in so many. NTP changes the rate of a clock by at most 500 ppm.
	clockDrift = 1000
)

// errForeignReply means that Redis, or a proxy before it, has sent the reply to another command.
var errForeignReply = errors.New("record: the reply to another command")

// markAge is the beginning of the scripts for marks. It defines the time of Redis and a function
// that returns the age of the mark on KEYS[1], or -1 if there is none. ARGV[1] is MarkTTL and
// ARGV[2] is ttlGrain. All are in microseconds.
//
// The clock of Redis alone measures the age, so that no other clock has to agree with it. The
// value of a mark is its time, and the mark expires MarkTTL later. Marks of earlier versions have
// the value 1, and so have those of a Redis user without the right to use TIME. Their age follows
// from their TTL, as does that of all marks for such a user. If the time of a mark is in the future,
// because the clock was set back, its age is 0, which refuses sign-ins.
const markAge = `
local ttl, grain = tonumber(ARGV[1]), tonumber(ARGV[2])
local time = redis.pcall("TIME")
local now = not time.err and time[1] * 1000000 + time[2]
local function age()
	local value = redis.pcall("GET", KEYS[1])
	local at = type(value) == "string" and tonumber(value)
	if now and at and math.abs(now - at) <= ttl then return math.max(0, now - at) end
	local left = redis.call("PTTL", KEYS[1]) * 1000
	if left <= 0 or left > ttl then return -1 end
	return math.max(0, ttl - left - grain)
end
`

// mark puts a mark that is ARGV[3] microseconds old, or as old as a later one that is there.
var mark = redis.NewScript(markAge + `
local ago, marked = tonumber(ARGV[3]), age()
if marked >= 0 and marked < ago then ago = marked end
local value = "1"
if now then value = string.format("%.0f", now - ago) end
redis.call("SET", KEYS[1], value, "PX", string.format("%.0f", math.floor((ttl - ago) / 1000)))
return 1`)

// marked returns the age in a table, or an empty table if there is no mark. Other scripts reply with
// numbers or tables of names, so that a swapped reply is an error or harmless (threat G6).
var marked = redis.NewScript(markAge + `
local marked = age()
if marked < 0 then return {} end
return {marked}`)

// Mark implements [Lists].
func (r *Redis) Mark(ctx context.Context, key string, ago time.Duration) error {
	if MarkTTL-ago < time.Millisecond {
		return nil
	}
	return mark.Run(ctx, r.client, []string{key}, MarkTTL.Microseconds(), ttlGrain.Microseconds(), ago.Microseconds()).Err()
}

// Marked implements [Lists] in one round trip if there are no marks, and in two otherwise if Redis has
// the script cached.
func (r *Redis) Marked(ctx context.Context, keys ...string) (time.Duration, error) {
	query := newMarkQuery(keys)
	_, err := r.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		query.queue(ctx, p)
		return nil
	})
	if err != nil && !errors.Is(err, redis.Nil) && !isWrongType(err) {
		return 0, err
	}
	return query.result(ctx, r)
}

// markQuery is the part of a pipeline that reads marks. Hardly ever is there one, and that there is none
// is known after a GET. The script, which runs four commands, asks only for the age of those that exist.
type markQuery struct {
	keys    []string
	replies []*redis.Cmd
}

func newMarkQuery(keys []string) *markQuery {
	return &markQuery{keys, make([]*redis.Cmd, len(keys))}
}

func (q *markQuery) queue(ctx context.Context, p redis.Pipeliner) {
	for i, key := range q.keys {
		q.replies[i] = p.Do(ctx, "GET", key)
	}
}

// result returns the age of the latest mark.
func (q *markQuery) result(ctx context.Context, r *Redis) (time.Duration, error) {
	var present []string
	for i, reply := range q.replies {
		value, err := reply.Result()
		_, isText := value.(string)
		switch {
		case errors.Is(err, redis.Nil):
		case err == nil && isText, isWrongType(err): // which the script takes for a mark if it may be one
			present = append(present, q.keys[i])
		case err == nil:
			return 0, errForeignReply
		default:
			return 0, err
		}
	}
	if len(present) == 0 {
		return Never, nil
	}
	return r.ageOf(ctx, present)
}

// ageOf returns the age of the latest of some marks, or [Never] if they have expired.
func (r *Redis) ageOf(ctx context.Context, marks []string) (ago time.Duration, err error) {
	replies := make([]*redis.Cmd, len(marks))
	_, err = r.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, key := range marks {
			replies[i] = marked.EvalSha(ctx, p, []string{key}, markArguments()...)
		}
		return nil
	})
	if err != nil && !isNoScript(err) {
		return 0, err
	}
	ago = Never
	for i, reply := range replies {
		if isNoScript(reply.Err()) {
			reply = marked.Run(ctx, r.client, []string{marks[i]}, markArguments()...)
		}
		age, err := ageIn(reply)
		if err != nil {
			return 0, err
		}
		ago = min(ago, age)
	}
	return ago, nil
}

// ageIn returns how old a mark is at least, by the clock of this process, or [Never].
func ageIn(reply *redis.Cmd) (time.Duration, error) {
	values, err := reply.Slice()
	if err != nil || len(values) == 0 {
		return Never, err
	}
	microseconds, ok := values[0].(int64)
	if !ok || len(values) > 1 {
		return 0, errForeignReply
	}
	measured := time.Duration(microseconds) * time.Microsecond
	return max(0, measured-timeGrain-measured/clockDrift), nil
}

func markArguments() []any { return []any{MarkTTL.Microseconds(), ttlGrain.Microseconds()} }
