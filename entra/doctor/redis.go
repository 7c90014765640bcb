package doctor

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/fibermsal/fibermsal/internal/redisclient"
)

// redis checks a Redis server, Sentinel group or Cluster, and the keys of the instances that use it.
func (d *diagnosis) redis(ctx context.Context, client redis.UniversalClient) []Finding {
	masters, failure := d.reachRedis(ctx, client)
	if failure != nil {
		return []Finding{*failure}
	}
	findings := withoutDuplicates(append([]Finding{deadlines(client)}, inTime(ctx, "redis", "Redis", func(ctx context.Context) []Finding {
		return append(checkMasters(ctx, masters), replicaReads(client)...)
	})...))
	keys := inTime(ctx, "keys", keysSubject, d.keys)
	if Report(findings).Worst() == SeverityError && strings.HasSuffix(keys[0].Code, uncheckedSuffix) {
		return findings // which already contain the reason
	}
	return append(findings, keys...)
}

// reachRedis returns the masters, or the finding that they could not be reached.
func (d *diagnosis) reachRedis(ctx context.Context, client redis.UniversalClient) ([]master, *Finding) {
	type reached struct {
		masters []master
		err     error
	}
	r, err := within(ctx, func(ctx context.Context) reached {
		masters, err := reach(ctx, client, d.Records.ProbeKey)
		return reached{masters, err}
	})
	var failure Finding
	switch {
	case errors.Is(err, errEnded):
		failure = unchecked("redis", "Redis", err.Error())
	case err != nil:
		failure = unreachable(err.Error())
	case r.err != nil:
		failure = redisFailure(r.err)
	default:
		return r.masters, nil
	}
	return nil, &failure
}

// checkMasters runs all checks on each master and merges the findings.
func checkMasters(ctx context.Context, masters []master) (findings []Finding) {
	for _, check := range []func(context.Context, master) []Finding{rights, info, latency, encryption} {
		findings = append(findings, checkEach(ctx, masters, check)...)
	}
	return findings
}

// checkEach runs a check on each master. For each code it returns the worst finding, with the names of
// the masters that have it.
func checkEach(ctx context.Context, masters []master, check func(context.Context, master) []Finding) (findings []Finding) {
	var names [][]string // of the masters of each finding
	for _, m := range masters {
		for _, f := range check(ctx, m) {
			i := slices.IndexFunc(findings, func(g Finding) bool { return g.Code == f.Code })
			switch {
			case i < 0:
				findings, names = append(findings, f), append(names, []string{m.name})
			case f.Severity.worseThan(findings[i].Severity):
				findings[i], names[i] = f, []string{m.name}
			case f.Severity == findings[i].Severity:
				names[i] = append(names[i], m.name)
			}
		}
	}
	if len(masters) > 1 {
		for i := range findings {
			findings[i].What += " (" + strings.Join(names[i], ", ") + ")"
		}
	}
	return findings
}

// deadlines checks whether a client ends a command when the context ends.
func deadlines(client redis.UniversalClient) Finding {
	if redisclient.HonoursDeadlines(client) {
		return ok("redis_deadlines", "the Redis client honours deadlines")
	}
	return Finding{
		Severity: SeverityWarning, Code: "redis_deadlines",
		What: "the Redis client ignores deadlines (ContextTimeoutEnabled is off)",
		Why:  "a stalled Redis holds requests for seconds",
		Fix:  "turn it on, or let fibermsal.RedisStorage make the client",
	}
}

// replicaReads checks the options that make a client read from replicas.
func replicaReads(client redis.UniversalClient) []Finding {
	cluster, isCluster := client.(*redis.ClusterClient)
	if !isCluster {
		return nil
	}
	o := cluster.Options()
	if !o.ReadOnly && !o.RouteByLatency && !o.RouteRandomly {
		return nil
	}
	return []Finding{{
		Severity: SeverityError, Code: "redis_replica_reads",
		What: "the Redis client reads from replicas",
		Why:  "replicas lag, so a user who has just signed in may be unknown, and one who has signed out may still be signed in",
		Fix:  "turn ReadOnly, RouteByLatency and RouteRandomly off",
	}}
}
