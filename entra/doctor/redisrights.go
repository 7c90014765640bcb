package doctor

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/fibermsal/fibermsal/internal/redact"
)

// probe is a command that the app uses, in a form that changes nothing on the server.
type probe struct {
	name string
	args []any
}

// probes returns all commands that the app uses, for a key that does not exist. A server checks rights,
// memory and its own role before it checks whether the key exists.
func probes(key string) []probe {
	const life = 1000 // ms
	end := time.Now().UnixMilli()
	return []probe{
		{"get", []any{"get", key}},
		{"set", []any{"set", key, "doctor", "xx", "px", life}},
		{"getrange", []any{"getrange", key, 0, 1}},
		{"del", []any{"del", key}},
		{"pexpire", []any{"pexpire", key, life}},
		{"pttl", []any{"pttl", key}},
		{"time", []any{"time"}},
		{"eval", []any{"eval", "return 1", 1, key}},
		{"evalsha", []any{"evalsha", strings.Repeat("0", 40), 1, key}},
		{"zadd", []any{"zadd", key, "xx", end, "doctor"}},
		{"zrange", []any{"zrange", key, 0, 0}},
		{"zrem", []any{"zrem", key, "doctor"}},
		{"zcard", []any{"zcard", key}},
		{"zremrangebyscore", []any{"zremrangebyscore", key, 0, 0}},
	}
}

// probeResult is what the server replied to the probes.
type probeResult struct {
	denied, unknown []string // names of commands
	deniesKey       bool     // rather than only commands
	refusal         error    // reply that refuses a command for another reason
	failed          error    // error without a reply
}

// rights checks whether the Redis user has the rights that the app needs.
func rights(ctx context.Context, m master) []Finding {
	r := sendProbes(ctx, m.client, m.key)
	switch {
	case r.failed != nil:
		return []Finding{redisFailure(r.failed)}
	case r.refusal != nil:
		return []Finding{refusedWrite(r.refusal)}
	case len(r.denied)+len(r.unknown) == 0:
		return []Finding{ok("redis_rights", "the Redis user may use all commands that are needed")}
	}
	return append(r.deniedCommands(), r.unknownCommands()...)
}

func sendProbes(ctx context.Context, client redis.UniversalClient, key string) (r probeResult) {
	pipe := client.Pipeline()
	all := probes(key)
	for _, p := range all {
		pipe.Do(ctx, p.args...)
	}
	commands, err := pipe.Exec(ctx)
	for i, command := range commands {
		switch err := command.Err(); {
		case err == nil, startsWith(err, "NOSCRIPT"), err == redis.Nil: //nolint:errorlint // a value
		case isDenied(err):
			r.denied = append(r.denied, all[i].name)
			r.deniesKey = r.deniesKey || strings.Contains(err.Error(), "keys")
		case startsWith(err, "ERR unknown command"):
			r.unknown = append(r.unknown, all[i].name)
		case isReply(err):
			r.refusal = err
		default:
			r.failed = err
		}
	}
	if r.failed == nil {
		r.failed = connectionError(commands, err)
	}
	return r
}

// connectionError returns the error of a pipeline that got no connection. Such an error is not the
// error of any command (trap R4).
func connectionError(commands []redis.Cmder, err error) error {
	if slices.ContainsFunc(commands, func(c redis.Cmder) bool { return c.Err() != nil }) {
		return nil
	}
	return err
}

// refusedWrite returns the finding about a reply that refuses a command although the user has the
// rights.
func refusedWrite(err error) Finding {
	switch {
	case startsWith(err, "READONLY"):
		return Finding{
			Severity: SeverityError, Code: "redis_replica",
			What: "the Redis server is a replica, which accepts no writes",
			Why:  "users cannot sign in or out, or get new tokens",
			Fix:  "connect to the master, by Sentinel or a Cluster client if it moves",
		}
	case startsWith(err, "OOM"):
		return Finding{
			Severity: SeverityError, Code: "redis_full",
			What: "Redis has reached its maxmemory and accepts no new sessions",
			Why:  "nobody can sign in; signed-in users stay signed in",
			Fix:  "raise maxmemory; docs/production.md says how much a session needs",
		}
	}
	return Finding{
		Severity: SeverityError, Code: "redis_refuses",
		What: "Redis refuses to write: " + redact.Text(err.Error()),
		Why:  "nobody can sign in, and renewed tokens are not shared with the other instances",
		Fix:  "the reply says what the server lacks, such as a disk that it can write to, or a replica",
	}
}

func (r probeResult) deniedCommands() []Finding {
	if len(r.denied) == 0 {
		return nil
	}
	f := Finding{
		Severity: SeverityError, Code: "redis_rights",
		What: "the Redis user must not use " + strings.ToUpper(strings.Join(r.denied, ", ")),
		Why:  "signing in, renewing tokens or ending sessions fails where they are needed",
		Fix:  "ACL SETUSER with +" + strings.Join(r.denied, " +"),
	}
	if slices.Equal(r.denied, []string{"time"}) { // earlier versions did not use it
		f.Severity = SeverityWarning
		f.Why = "a user who signs in within milliseconds after an administrator has ended their sessions is refused"
	}
	if r.deniesKey {
		f.What = "the Redis user must not use the app's keys"
		f.Fix = "ACL SETUSER with ~fm:*"
	}
	return []Finding{f}
}

func (r probeResult) unknownCommands() []Finding {
	if len(r.unknown) == 0 {
		return nil
	}
	return []Finding{outdated("the Redis server does not know " + strings.ToUpper(strings.Join(r.unknown, ", ")))}
}
