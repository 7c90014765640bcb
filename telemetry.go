package fibermsal

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"
)

// scope is the name of what telemetry is from.
const scope = "github.com/fibermsal/fibermsal"

// telemetry counts, measures and traces through OpenTelemetry's global providers. While
// none is set, what happens in every request costs an atomic addition. Attributes are
// codes of the library; nothing of a user, session or token is among them.
type telemetry struct {
	tracer trace.Tracer

	signIns      metric.Int64Counter
	signOuts     metric.Int64Counter
	interactions metric.Int64Counter
	refreshes    metric.Float64Histogram
	lockWaits    metric.Float64Histogram
	storage      metric.Float64Histogram

	fromMemory, fromStorage, fromEntra atomic.Int64

	observing metric.Registration
}

// instruments collects the first error of making them.
type instruments struct {
	metric.Meter
	err error
}

func (m *instruments) counter(name, unit, description string) metric.Int64Counter {
	c, err := m.Int64Counter(name, metric.WithUnit(unit), metric.WithDescription(description))
	m.err = errors.Join(m.err, err)
	return c
}

func (m *instruments) seconds(name, description string, bounds ...float64) metric.Float64Histogram {
	h, err := m.Float64Histogram(name, metric.WithUnit("s"), metric.WithDescription(description), metric.WithExplicitBucketBoundaries(bounds...))
	m.err = errors.Join(m.err, err)
	return h
}

func (m *instruments) observed(name, unit, description string) metric.Int64ObservableCounter {
	c, err := m.Int64ObservableCounter(name, metric.WithUnit(unit), metric.WithDescription(description))
	m.err = errors.Join(m.err, err)
	return c
}

func (m *instruments) gauge(name, unit, description string) metric.Int64ObservableGauge {
	g, err := m.Int64ObservableGauge(name, metric.WithUnit(unit), metric.WithDescription(description))
	m.err = errors.Join(m.err, err)
	return g
}

// instrument makes the instruments. They are part of docs/telemetry.md.
func (a *Auth) instrument() error {
	m := &instruments{Meter: otel.Meter(scope)}
	t := &a.telemetry
	t.tracer = otel.Tracer(scope)
	t.signIns = m.counter("fibermsal.sign_ins", "{sign-in}", "Answers of Entra to sign-ins, by outcome and reason.")
	t.signOuts = m.counter("fibermsal.sign_outs", "{sign-out}", "Sessions that were ended, by whom.")
	t.interactions = m.counter("fibermsal.interactions", "{redirect}", "Pages whose user was sent to sign in, by code.")
	t.refreshes = m.seconds("fibermsal.refresh.duration", "Renewals of a token at Entra, by outcome.", 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
	t.lockWaits = m.seconds("fibermsal.lock.wait.duration", "Waiting for another renewal of the same session.", 0.001, 0.01, 0.1, 0.5, 1, 5, 10)
	t.storage = m.seconds("fibermsal.storage.duration", "Commands to the session storage, by operation and outcome.", 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5)
	tokens := m.observed("fibermsal.tokens", "{token}", "Access tokens given out, by where they came from.")
	hits := m.observed("fibermsal.sessions.cache.lookups", "{lookup}", "Sessions looked for in this process's memory, by whether they were there.")
	evictions := m.observed("fibermsal.sessions.cache.evictions", "{session}", "Sessions that this process forgot for want of room.")
	entries := m.gauge("fibermsal.sessions.cache.entries", "{session}", "Sessions that this process remembers.")
	size := m.gauge("fibermsal.sessions.cache.size", "By", "About what the remembered sessions occupy.")
	if m.err != nil {
		return m.err
	}
	var err error
	t.observing, err = m.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		for source, n := range map[string]*atomic.Int64{"memory": &t.fromMemory, "storage": &t.fromStorage, "entra": &t.fromEntra} {
			o.ObserveInt64(tokens, n.Load(), metric.WithAttributes(attribute.String("source", source)))
		}
		o.ObserveInt64(hits, int64(a.sessions.hits.Load()), metric.WithAttributes(attribute.Bool("hit", true)))    //nolint:gosec // a count
		o.ObserveInt64(hits, int64(a.sessions.misses.Load()), metric.WithAttributes(attribute.Bool("hit", false))) //nolint:gosec // a count
		o.ObserveInt64(evictions, int64(a.sessions.evictions.Load()))                                              //nolint:gosec // a count
		count, bytes := a.sessions.occupied()
		o.ObserveInt64(entries, int64(count))
		o.ObserveInt64(size, int64(bytes))
		return nil
	}, tokens, hits, evictions, entries, size)
	return err
}

// outcome is what an error is called in telemetry.
func outcome(err error) (code, reason string) {
	var e *Error
	switch {
	case err == nil:
		return "ok", ""
	case errors.As(err, &e):
		return e.Code, e.Reason
	}
	return "failed", ""
}

func outcomeAttributes(err error) metric.MeasurementOption {
	code, reason := outcome(err)
	return metric.WithAttributes(attribute.String("outcome", code), attribute.String("reason", reason))
}

// measured ends what took some time.
func measured(ctx context.Context, h metric.Float64Histogram, began time.Time, option ...metric.RecordOption) {
	h.Record(ctx, time.Since(began).Seconds(), option...)
}

// countSignOut counts a session that was ended.
func (a *Auth) countSignOut(ctx context.Context, event string, s *session, by string) {
	a.audit(ctx, slog.LevelInfo, event, s, slog.String("by", by))
	a.telemetry.signOuts.Add(ctx, 1, metric.WithAttributes(attribute.String("by", by)))
}

// endSpan tells how it ended, by codes alone: causes are for the log.
func endSpan(span trace.Span, err error) {
	if code, reason := outcome(err); err != nil {
		span.SetAttributes(attribute.String("fibermsal.code", code), attribute.String("fibermsal.reason", reason))
		span.SetStatus(codes.Error, code)
	}
	span.End()
}

// observeStorage measures a command to the storage, or nothing while nobody listens.
func (a *Auth) observeStorage(operation string) func(error) {
	if !a.telemetry.storage.Enabled(context.Background()) {
		return nil
	}
	began := time.Now()
	return func(err error) {
		measured(context.Background(), a.telemetry.storage, began,
			metric.WithAttributes(attribute.String("operation", operation), attribute.Bool("failed", err != nil)))
	}
}

// Audit events are log records with the message "audit", whose attribute event is one of
// these (OWASP ASVS 16.3; threat F6).
const (
	auditSignedIn       = "signed_in"
	auditSignInRefused  = "sign_in_refused"
	auditSignedOut      = "signed_out"
	auditSessionEnded   = "session_ended"
	auditSessionRefused = "session_refused"
	auditRefreshFailed  = "refresh_failed"
	auditSealMismatch   = "seal_mismatch"
	auditWorker         = "offline_access"
)

// audit logs a security-relevant action. The session is named by the beginning of its
// record's name, which is a hash.
func (a *Auth) audit(ctx context.Context, level slog.Level, event string, s *session, more ...slog.Attr) {
	attrs := append([]slog.Attr{slog.String("event", event)}, more...)
	if s != nil {
		attrs = append(attrs, slog.String("tid", s.User.TenantID), slog.String("oid", s.User.ID), auditedSession(s.recordName))
	}
	a.log.LogAttrs(ctx, level, "audit", attrs...)
}

func auditedSession(name string) slog.Attr {
	return slog.String("session", name[:min(len(name), 12)])
}
