package doctor

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/fibermsal/fibermsal/internal/redact"
)

// storage checks where the sessions are kept.
func (d *diagnosis) storage(ctx context.Context) []Finding {
	if d.Storage == nil {
		return []Finding{d.memory()}
	}
	if connected, isRedis := d.Storage.(interface{ Conn() redis.UniversalClient }); isRedis {
		return d.redis(ctx, connected.Conn())
	}
	return inTime(ctx, "storage", "the Storage", d.plainStorage)
}

func (d *diagnosis) memory() Finding {
	const what = "sessions are in the memory of this process"
	if d.Local {
		return ok("storage", what)
	}
	return Finding{
		Severity: SeverityWarning, Code: "storage", What: what,
		Why: "each restart signs all users out, and a second instance does not know the sessions of this one",
		Fix: "set Config.Storage, to fibermsal.RedisStorage for example, and Config.Keys",
	}
}

// plainStorage writes, reads and removes a value.
func (d *diagnosis) plainStorage(context.Context) []Finding {
	key := d.Records.ProbeKey("0")
	const value = "doctor"
	err := d.Storage.Set(key, []byte(value), time.Minute)
	var read []byte
	if err == nil {
		read, err = d.Storage.Get(key)
	}
	if err == nil {
		err = d.Storage.Delete(key)
	}
	if err == nil && string(read) == value {
		return []Finding{ok("storage", "the Storage keeps values; because it is not Redis, concurrent renewals and sign-outs of several instances can conflict")}
	}
	what := "the Storage does not keep values"
	if err != nil {
		what = "the Storage fails: " + redact.Text(err.Error())
	}
	return []Finding{{
		Severity: SeverityError, Code: "storage", What: what,
		Why: "nobody can sign in, and signed-in users get a 503",
		Fix: "check whether its server runs and accepts writes",
	}}
}
