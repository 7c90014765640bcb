package fibermsal

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/fibermsal/fibermsal/internal/doctor"
	"github.com/fibermsal/fibermsal/internal/redact"
)

// tookTooLong is why a check has no result.
const tookTooLong = "it took too long, it panicked, or Doctor was cancelled"

// storage looks at where the sessions are.
func (d *diagnosis) storage(ctx context.Context) []doctor.Finding {
	cfg := d.auth.cfg
	if cfg.Storage == nil {
		return []doctor.Finding{d.memory()}
	}
	if connected, ok := cfg.Storage.(interface{ Conn() redis.UniversalClient }); ok {
		return d.redis(ctx, connected.Conn())
	}
	return d.check(ctx, "storage", "the Storage", d.plain)
}

func (d *diagnosis) memory() doctor.Finding {
	if d.auth.cfg.isLocal() {
		return fine("storage", "sessions are in the memory of this process")
	}
	return doctor.Finding{
		Severity: doctor.Warning, Code: "storage", What: "sessions are in the memory of this process",
		Why: "each restart signs everybody out, and a second instance knows nobody who signed in here",
		Fix: "set Config.Storage, to fibermsal.RedisStorage for example, and Config.Keys",
	}
}

// plain writes, reads and removes a value.
func (d *diagnosis) plain(context.Context) []doctor.Finding {
	storage, key := d.auth.cfg.Storage, d.auth.records.Spare("0")
	const value = "doctor"
	err := storage.Set(key, []byte(value), time.Minute)
	var read []byte
	if err == nil {
		read, err = storage.Get(key)
	}
	if err == nil {
		err = storage.Delete(key)
	}
	if err == nil && string(read) == value {
		return []doctor.Finding{fine("storage", "the Storage keeps what it is given; as it is not Redis, renewals and sign-outs of several instances can get into each other's way")}
	}
	what := "the Storage does not keep what it is given"
	if err != nil {
		what = "the Storage fails: " + redact.Text(err.Error())
	}
	return []doctor.Finding{{
		Severity: doctor.Error, Code: "storage", What: what,
		Why: "nobody can sign in, and who is signed in gets a 503", Fix: "see whether its server runs and may be written to",
	}}
}

func (d *diagnosis) redis(ctx context.Context, client redis.UniversalClient) []doctor.Finding {
	server := doctor.Redis{Client: client, Key: d.auth.records.Spare}
	type reached struct {
		masters   []doctor.Master
		unreached []doctor.Finding
	}
	r, ended := within(ctx, func(ctx context.Context) reached {
		masters, unreached := server.Reach(ctx)
		return reached{masters, unreached}
	})
	switch {
	case !ended && ctx.Err() == nil:
		return []doctor.Finding{doctor.Unreachable("no answer in time")}
	case !ended:
		return []doctor.Finding{unchecked("redis", "Redis", tookTooLong)}
	case len(r.unreached) > 0:
		return r.unreached
	}
	found := []doctor.Finding{deadlines(client)}
	found = append(found, d.check(ctx, "redis", "Redis", func(ctx context.Context) []doctor.Finding { return server.Examine(ctx, r.masters) })...)
	found = doctor.Once(found)
	keys := d.check(ctx, "keys", "whether the instances hold the same keys", d.keys)
	if failed(found) && strings.HasSuffix(keys[0].Code, uncheckedSuffix) {
		return found // the reason is told
	}
	return append(found, keys...)
}

func failed(found []doctor.Finding) bool {
	return slices.ContainsFunc(found, func(f doctor.Finding) bool { return f.Severity == doctor.Error })
}

func deadlines(client redis.UniversalClient) doctor.Finding {
	if honoursDeadlines(client) {
		return fine("redis_deadlines", "the Redis client heeds deadlines")
	}
	return doctor.Finding{
		Severity: doctor.Warning, Code: "redis_deadlines", What: "the Redis client ignores deadlines (ContextTimeoutEnabled is off)",
		Why: "a Redis that stalls holds requests for seconds", Fix: "turn it on, or let fibermsal.RedisStorage make the client",
	}
}

// keys compares the keys here with those of the instances that have been seen lately.
func (d *diagnosis) keys(ctx context.Context) []doctor.Finding {
	instances, err := d.auth.records.Instances(ctx)
	if err != nil {
		return []doctor.Finding{unchecked("keys", "whether the instances hold the same keys", redact.Text(err.Error()))}
	}
	here := d.auth.records.KeyIDs()
	var strangers, others []string
	for _, other := range instances {
		switch {
		case !understand(here, other.KeyIDs):
			strangers = append(strangers, other.Name)
		case !slices.Equal(here, other.KeyIDs):
			others = append(others, other.Name)
		}
	}
	switch {
	case len(strangers) > 0:
		return []doctor.Finding{{
			Severity: doctor.Error, Code: "keys", What: "the Config.Keys here and those of " + strings.Join(strangers, ", ") + " differ: one seals with a key that the other does not hold",
			Why: "who signed in on one is unknown on the other, and a sign-in that begins on one cannot end on the other",
			Fix: "give all instances the same Keys in the same order; to replace one, append it everywhere before it moves to the front",
		}}
	case len(others) > 0:
		return []doctor.Finding{{
			Severity: doctor.Warning, Code: "keys", What: "the Config.Keys here and those of " + strings.Join(others, ", ") + " differ, but each opens what the other seals",
			Why: "that is a key's replacement half done: the next step must wait until all have the same",
			Fix: "deploy the same Keys to all instances",
		}}
	}
	return []doctor.Finding{fine("keys", fmt.Sprintf("Config.Keys has %d; the instances that were seen in the last two hours hold the same (%d)", len(here), len(instances)))}
}

// understand reports whether each of two rings holds the key that the other seals with.
func understand(here, there []string) bool {
	return len(there) > 0 && slices.Contains(there, here[0]) && slices.Contains(here, there[0])
}
