package doctor

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/redact"
)

// info checks what a server reports about itself.
func info(ctx context.Context, m master) []Finding {
	text, err := m.client.Info(ctx).Result()
	if err != nil {
		return []Finding{{
			Severity: SeverityWarning, Code: "redis_info" + uncheckedSuffix,
			What: "Redis does not report its version, eviction policy and persistence: " + autherr.TextFor(err),
			Why:  "a server that evicts or loses keys signs users out at random",
			Fix:  "allow INFO: ACL SETUSER with +info; or check maxmemory-policy (noeviction) and appendonly (yes) yourself",
		}}
	}
	fields := parseInfo(text)
	if fields["role"] == "slave" {
		return nil // rights reports it, because it refuses writes
	}
	return []Finding{version(fields), eviction(fields), persistence(fields)}
}

func parseInfo(text string) map[string]string {
	fields := make(map[string]string)
	for line := range strings.Lines(text) {
		if name, value, isField := strings.Cut(strings.TrimSpace(line), ":"); isField {
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
		return unreported("redis_version", "its version")
	case major < 6: // KEEPTTL
		return outdated("the Redis server has version " + redact.Text(v) + ", which cannot change a value and keep its end")
	}
	return ok("redis_version", "Redis "+redact.Text(v))
}

func eviction(fields map[string]string) Finding {
	switch policy := fields["maxmemory_policy"]; policy {
	case "noeviction":
		return ok("redis_eviction", "Redis evicts nothing (noeviction)")
	case "":
		return unreported("redis_eviction", "its eviction policy")
	default:
		f := Finding{
			Severity: SeverityError, Code: "redis_eviction",
			What: fmt.Sprintf("Redis evicts keys when its memory is full (maxmemory-policy %s)", redact.Text(policy)),
			Why:  "it then ends sessions at random, also those in use, and loses sign-outs and used codes",
			Fix:  "CONFIG SET maxmemory-policy noeviction, and the same in redis.conf",
		}
		if fields["maxmemory"] == "0" {
			f.Severity = SeverityWarning
			f.What += "; it has no maxmemory yet"
		}
		return f
	}
}

func persistence(fields map[string]string) Finding {
	switch fields["aof_enabled"] {
	case "1":
		return ok("redis_persistence", "Redis has an append-only file")
	case "":
		return unreported("redis_persistence", "whether it has an append-only file")
	}
	return Finding{
		Severity: SeverityWarning, Code: "redis_persistence",
		What: "Redis has no append-only file",
		Why:  "a restart loses all sessions, or those since the last snapshot: all users sign in again, and sign-outs since then are undone",
		Fix:  "CONFIG SET appendonly yes, and the same in redis.conf",
	}
}

func unreported(code, subject string) Finding {
	return Finding{
		Severity: SeverityWarning, Code: code + uncheckedSuffix,
		What: "Redis does not report " + subject,
		Why:  "a server that evicts or loses keys, or is old, signs users out at random",
		Fix:  "check it yourself: docs/production.md says what is needed",
	}
}
