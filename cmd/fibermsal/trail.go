package main

import (
	"context"
	"log/slog"
	"slices"
	"sync"

	"github.com/fibermsal/fibermsal/internal/telemetry"
)

// maxNamed is how many users an audit record lists.
const maxNamed = 20

// trail is a log handler that collects the users whose sessions ended, for the audit record of a
// command, even if the log level hides the records of the single sessions.
type trail struct {
	slog.Handler
	users *users
}

// users are the users of sessions that ended.
type users struct {
	mu    sync.Mutex
	named []string
	more  int
}

// Enabled implements [slog.Handler]. Audit records have the level INFO or above.
func (l trail) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelInfo || l.Handler.Enabled(ctx, level)
}

// Handle implements [slog.Handler].
func (l trail) Handle(ctx context.Context, r slog.Record) error {
	if r.Message == "audit" {
		l.users.add(&r)
	}
	if !l.Handler.Enabled(ctx, r.Level) {
		return nil
	}
	return l.Handler.Handle(ctx, r)
}

func (u *users) add(r *slog.Record) {
	var event, tenant, id string
	r.Attrs(func(a slog.Attr) bool {
		switch a.Key {
		case "event":
			event = a.Value.String()
		case "tid":
			tenant = a.Value.String()
		case "oid":
			id = a.Value.String()
		}
		return true
	})
	if event != string(telemetry.EventSessionEnded) || id == "" {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	name := tenant + "/" + id
	if slices.Contains(u.named, name) {
		return
	}
	if len(u.named) == maxNamed {
		u.more++ // sessions of users who are not listed
		return
	}
	u.named = append(u.named, name)
}
