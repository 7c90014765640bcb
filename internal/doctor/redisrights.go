package doctor

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/fibermsal/fibermsal/internal/redact"
)

// trials are the commands that the app uses, such that none of them leaves anything: a
// server looks at rights, memory and role before it looks whether there is such a key.
func trials(key string) []struct {
	name string
	args []any
} {
	const life = 1000 // ms
	end := time.Now().UnixMilli()
	return []struct {
		name string
		args []any
	}{
		{"get", []any{"get", key}},
		{"set", []any{"set", key, "doctor", "xx", "px", life}},
		{"getrange", []any{"getrange", key, 0, 1}},
		{"del", []any{"del", key}},
		{"pexpire", []any{"pexpire", key, life}},
		{"pttl", []any{"pttl", key}},
		{"eval", []any{"eval", "return 1", 1, key}},
		{"evalsha", []any{"evalsha", strings.Repeat("0", 40), 1, key}},
		{"zadd", []any{"zadd", key, "xx", end, "doctor"}},
		{"zrange", []any{"zrange", key, 0, 0}},
		{"zrem", []any{"zrem", key, "doctor"}},
		{"zcard", []any{"zcard", key}},
		{"zremrangebyscore", []any{"zremrangebyscore", key, 0, 0}},
	}
}

// trial is what became of the commands that are not allowed, not known, or refused.
type trial struct {
	forbidden, unknown []string
	foreign            bool // the key itself is not allowed
	refusal            error
	failed             error
}

// writes tries whether the app may do what it does.
func (r Redis) writes(ctx context.Context, m Master) []Finding {
	t := try(ctx, m.client, r.Key(m.tag))
	switch {
	case t.failed != nil:
		return []Finding{unreachable(t.failed)}
	case startsWith(t.refusal, "READONLY"):
		return []Finding{readOnly()}
	case startsWith(t.refusal, "OOM"):
		return []Finding{full()}
	case t.refusal != nil:
		return []Finding{{
			Error, "redis_refuses", "Redis refuses to write: " + redact.Text(t.refusal.Error()),
			"nobody can sign in, and tokens are not renewed for the other instances",
			"the reply says what the server lacks, a disk it can write to or a replica for example",
		}}
	}
	if len(t.forbidden)+len(t.unknown) == 0 {
		return []Finding{fine("redis_rights", "the Redis user may use all commands that are needed")}
	}
	return append(t.lacking(), t.tooOld()...)
}

func try(ctx context.Context, client redis.UniversalClient, key string) (t trial) {
	pipe := client.Pipeline()
	all := trials(key)
	for _, one := range all {
		pipe.Do(ctx, one.args...)
	}
	commands, err := pipe.Exec(ctx)
	for i, command := range commands {
		switch failure := command.Err(); {
		case failure == nil, startsWith(failure, "NOSCRIPT"), failure == redis.Nil: //nolint:errorlint // a value
		case denied(failure):
			t.forbidden = append(t.forbidden, all[i].name)
			t.foreign = t.foreign || strings.Contains(failure.Error(), "keys")
		case startsWith(failure, "ERR unknown command"):
			t.unknown = append(t.unknown, all[i].name)
		case startsWith(failure, ""):
			t.refusal = failure
		default:
			t.failed = failure
		}
	}
	if t.failed == nil {
		t.failed = commandless(commands, err)
	}
	return t
}

// commandless is the error of a pipeline that got no connection, which is not that of any
// command (trap R4).
func commandless(commands []redis.Cmder, err error) error {
	if slices.ContainsFunc(commands, func(c redis.Cmder) bool { return c.Err() != nil }) {
		return nil
	}
	return err
}

func (t trial) lacking() []Finding {
	if len(t.forbidden) == 0 {
		return nil
	}
	f := Finding{
		Error, "redis_rights", "the Redis user may not use " + strings.ToUpper(strings.Join(t.forbidden, ", ")),
		"signing in, renewing tokens or ending sessions fails where they are used",
		"ACL SETUSER with +" + strings.Join(t.forbidden, " +"),
	}
	if t.foreign {
		f.What = "the Redis user may not use the app's keys"
		f.Fix = "ACL SETUSER with ~fm:*"
	}
	return []Finding{f}
}

func (t trial) tooOld() []Finding {
	if len(t.unknown) == 0 {
		return nil
	}
	return []Finding{outdated("the Redis server does not know " + strings.ToUpper(strings.Join(t.unknown, ", ")))}
}

func outdated(what string) Finding {
	return Finding{
		Error, "redis_version", what,
		"signing in, renewing tokens or finding sessions fails where what it lacks is used",
		"run Redis 6.0 or later, or let the server keep the names of its commands",
	}
}

func readOnly() Finding {
	return Finding{
		Error, "redis_replica", "the Redis server is a replica, which takes no writes",
		"nobody can sign in, be signed out or get new tokens",
		"connect to the master, by Sentinel or a Cluster client where it moves",
	}
}

func full() Finding {
	return Finding{
		Error, "redis_full", "Redis has reached its maxmemory and takes no new sessions",
		"nobody can sign in; who is signed in stays so",
		"raise maxmemory; docs/production.md says what a session takes",
	}
}
