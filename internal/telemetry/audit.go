package telemetry

import (
	"context"
	"log/slog"
)

// Event is a security-relevant action. Audit records are log records with the message "audit",
// whose attribute event is one of these (OWASP ASVS 16.3; threat F6).
type Event string

// The events.
const (
	EventSignedIn       Event = "signed_in"
	EventSignInRefused  Event = "sign_in_refused"
	EventSignedOut      Event = "signed_out"
	EventSessionEnded   Event = "session_ended"
	EventSessionRefused Event = "session_refused"
	EventRefreshFailed  Event = "refresh_failed"
	EventUserRequired   Event = "user_required"
	EventSealMismatch   Event = "seal_mismatch"
	EventOfflineAccess  Event = "offline_access"
)

// Subject is the session that an event is about. Fields that are not known are empty.
type Subject struct{ TenantID, UserID, SessionID string }

// Audit logs an event.
func (t *Telemetry) Audit(ctx context.Context, level slog.Level, event Event, about Subject, more ...slog.Attr) {
	attrs := append([]slog.Attr{slog.String("event", string(event))}, more...)
	if about.UserID != "" {
		attrs = append(attrs, slog.String("tid", about.TenantID), slog.String("oid", about.UserID))
	}
	if about.SessionID != "" {
		attrs = append(attrs, SessionAttr(about.SessionID))
	}
	t.log.LogAttrs(ctx, level, "audit", attrs...)
}

// AuditFailure logs an event together with the error that caused it.
func (t *Telemetry) AuditFailure(ctx context.Context, level slog.Level, event Event, about Subject, err error) {
	code, reason := Outcome(err)
	t.Audit(ctx, level, event, about, slog.String("code", code), slog.String("reason", reason))
}

// SessionAttr returns the attribute that identifies a session in the log. Its value is the beginning of
// the session's ID, which is a hash.
func SessionAttr(id string) slog.Attr { return slog.String("session", id[:min(len(id), 12)]) }
