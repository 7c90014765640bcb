package main

import (
	"context"
	"log/slog"
	"os"
	"os/user"
	"slices"
	"strings"
	"sync"

	"github.com/fibermsal/fibermsal/internal/telemetry"
)

// maxNamed is how many users an audit record names.
const maxNamed = 20

// trail is a log handler that remembers whose sessions ended, for the audit record of a command,
// also where the level of the log leaves the record of each session out.
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
		u.more++ // sessions of users who are not named
		return
	}
	u.named = append(u.named, name)
}

// auditRecord is the record of a command that ends sessions.
type auditRecord struct {
	tool   *tool
	event  string
	reason string
}

func (t *tool) audit(event, reason string) *auditRecord { return &auditRecord{t, event, reason} }

// write writes the record to stderr, whatever -v says: what was done, by whom, and how it ended.
func (r *auditRecord) write(ctx context.Context, failed error, counted string, n int) {
	outcome, level := "ok", slog.LevelInfo
	switch {
	case failed != nil && ctx.Err() != nil:
		outcome, level = "interrupted", slog.LevelWarn
	case failed != nil:
		outcome, level = "failed", slog.LevelWarn
	}
	attrs := []slog.Attr{
		slog.String("event", r.event), slog.String("by", "operator"), slog.String("operator", operator()),
		slog.String("target", r.tool.target()), slog.String("client_id", r.tool.cfg.ClientID),
		slog.String("outcome", outcome), slog.Int(counted, n),
	}
	u := r.tool.users
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.named) > 0 {
		attrs = append(attrs, slog.String("users", strings.Join(u.named, " ")))
	}
	if u.more > 0 {
		attrs = append(attrs, slog.Int("sessions_of_others", u.more))
	}
	if r.reason != "" {
		attrs = append(attrs, slog.String("reason", r.reason))
	}
	slog.New(r.tool.handler(slog.LevelInfo)).LogAttrs(context.WithoutCancel(ctx), level, "audit", attrs...)
}

// operator names the user of this machine who runs the command, and the one behind sudo.
func operator() string {
	name := os.Getenv("USER")
	if current, err := user.Current(); err == nil {
		name = current.Username
	}
	if host, err := os.Hostname(); err == nil {
		name += "@" + host
	}
	if behind := os.Getenv("SUDO_USER"); behind != "" {
		name += " for " + behind
	}
	return name
}
