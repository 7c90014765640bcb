package doctor

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/fibermsal/fibermsal/internal/redact"
)

// info looks at what a server tells about itself.
func (r Redis) info(ctx context.Context, m Master) []Finding {
	text, err := m.client.Info(ctx).Result()
	if err != nil {
		return []Finding{{
			Warning, "redis_info_unchecked", "Redis does not tell its version, eviction policy and persistence: " + redact.Text(err.Error()),
			"a server that evicts or forgets signs users out at random",
			"allow INFO: ACL SETUSER with +info; or look at maxmemory-policy (noeviction) and appendonly (yes) yourself",
		}}
	}
	fields := parseInfo(text)
	if fields["role"] == "slave" {
		return nil // it refuses writes, which is told once
	}
	return []Finding{version(fields), eviction(fields), persistence(fields)}
}

func parseInfo(text string) map[string]string {
	fields := make(map[string]string)
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			fields[name] = value
		}
	}
	return fields
}

func version(fields map[string]string) Finding {
	v := fields["redis_version"]
	first, _, _ := strings.Cut(v, ".")
	major, err := strconv.Atoi(first)
	switch {
	case err != nil:
		return untold("redis_version_unchecked", "its version")
	case major < 6: // KEEPTTL
		return outdated("the Redis server is of version " + redact.Text(v) + ", which cannot change a value without its end")
	}
	return fine("redis_version", "Redis "+redact.Text(v))
}

func eviction(fields map[string]string) Finding {
	switch policy := fields["maxmemory_policy"]; policy {
	case "noeviction":
		return fine("redis_eviction", "Redis evicts nothing (noeviction)")
	case "":
		return untold("redis_eviction_unchecked", "its eviction policy")
	default:
		f := Finding{
			Error, "redis_eviction", fmt.Sprintf("Redis evicts keys when its memory is full (maxmemory-policy %s)", redact.Text(policy)),
			"it then ends sessions at random, those in use as well, and forgets sign-outs and used codes",
			"CONFIG SET maxmemory-policy noeviction, and the same in redis.conf",
		}
		if fields["maxmemory"] == "0" {
			f.Severity = Warning
			f.What += "; it has no maxmemory yet"
		}
		return f
	}
}

func persistence(fields map[string]string) Finding {
	switch fields["aof_enabled"] {
	case "1":
		return fine("redis_persistence", "Redis has an append-only file")
	case "":
		return untold("redis_persistence_unchecked", "whether it has an append-only file")
	}
	return Finding{
		Warning, "redis_persistence", "Redis has no append-only file",
		"when it restarts it has lost the sessions, or those since the last snapshot: everybody signs in again, and a sign-out since then is undone",
		"CONFIG SET appendonly yes, and the same in redis.conf",
	}
}

func untold(code, what string) Finding {
	return Finding{
		Warning, code, "Redis does not tell " + what,
		"a server that evicts, forgets or is old signs users out at random",
		"look at it yourself: docs/production.md says what is needed",
	}
}
