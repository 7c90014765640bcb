package main

import (
	"context"
	"log/slog"
	"os"
	"os/user"
	"strings"
)

// auditRecord is the audit record of a command that ends sessions.
type auditRecord struct {
	tool   *tool
	event  string
	reason string
}

func (t *tool) audit(event, reason string) *auditRecord { return &auditRecord{t, event, reason} }

// write writes the record to stderr, with or without -v: what was done, by whom, and with what result.
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
		slog.String("target", r.tool.target()),
	}
	if id := r.tool.cfg.ClientID; id != "" { // unknown if the environment is invalid
		attrs = append(attrs, slog.String("client_id", id))
	}
	attrs = append(attrs, slog.String("outcome", outcome), slog.Int(counted, n))
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

// operator returns the name of the user who runs the command on this machine and, with sudo, of the
// user who called sudo.
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
