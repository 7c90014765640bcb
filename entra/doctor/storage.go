package doctor

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/record"
)

// storage checks the storage of the sessions.
func (d *diagnosis) storage(ctx context.Context) []Finding {
	if d.Storage == nil {
		return []Finding{d.memory()}
	}
	if connected, isRedis := d.Storage.(interface{ Conn() redis.UniversalClient }); isRedis {
		return d.redis(ctx, connected.Conn())
	}
	if embedded, ok := d.Storage.(record.Embedded); ok {
		return inTime(ctx, "storage", "the Storage", func(ctx context.Context) []Finding { return d.file(ctx, embedded.State()) })
	}
	return inTime(ctx, "storage", "the Storage", d.plainStorage)
}

// file checks the file of an embedded storage.
func (d *diagnosis) file(ctx context.Context, state record.FileState) []Finding {
	problem := Finding{Severity: SeverityError, Code: "storage"}
	switch {
	case state.InUse:
		return []Finding{ok("storage", "sessions are in "+state.Path+", which another process uses, so it was not examined")}
	case state.New:
		return []Finding{ok("storage", "sessions will be in "+state.Path+", which the app makes when it starts")}
	case state.Missing:
		problem.What = "another file, or none, is now at " + state.Path
		problem.Why = "sessions are still written to the removed file, and will be lost when the app ends"
		problem.Fix = "restart the app; then replace the file only while the app is stopped"
	case state.ReadOnly:
		problem.What = "the file " + state.Path + " is read-only"
		problem.Why = "users stay signed in, but sign-ins, renewals and sign-outs get a 503"
		problem.Fix = "make the file and its file system writable for the app's user, and restart the app"
	default:
		found := d.plainStorage(ctx)
		if found[0].Severity == SeverityOK {
			found = append([]Finding{ok("storage", "sessions are in "+state.Path+", which only this process can use")}, d.keysOfFile(ctx)...)
		}
		return found
	}
	return []Finding{problem}
}

func (d *diagnosis) memory() Finding {
	const what = "sessions are in the memory of this process"
	if d.Local {
		return ok("storage", what)
	}
	return Finding{
		Severity: SeverityWarning, Code: "storage", What: what,
		Why: "each restart signs all users out, and a second instance does not know the sessions of this one",
		Fix: "set Config.Storage: to fibermsal.RedisStorage, with Config.Keys, or for a single server to embedded.Open",
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
		what = "the Storage fails: " + autherr.TextFor(err)
	}
	return []Finding{{
		Severity: SeverityError, Code: "storage", What: what,
		Why: "nobody can sign in, and signed-in users get a 503",
		Fix: "check whether its server runs, or its disk has space, and accepts writes",
	}}
}
