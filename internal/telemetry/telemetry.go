// Package telemetry contains the metrics, spans and audit records of the library. It uses
// OpenTelemetry's global providers and the app's logger.
package telemetry

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"
)

// instrumentation is the OpenTelemetry instrumentation scope.
const instrumentation = "github.com/fibermsal/fibermsal"

// Telemetry holds the instruments of one Service. While no provider is set, a metric of every request
// costs one atomic addition. Attributes are codes of the library, and contain no data of a user,
// session or token. A Telemetry is safe for concurrent use.
type Telemetry struct {
	log    *slog.Logger
	tracer trace.Tracer

	signIns      metric.Int64Counter
	signOuts     metric.Int64Counter
	interactions metric.Int64Counter
	entraErrors  metric.Int64Counter
	refusals     metric.Int64Counter
	refreshes    metric.Float64Histogram
	exchanges    metric.Float64Histogram
	lockWaits    metric.Float64Histogram
	storage      metric.Float64Histogram

	fromMemory, fromStorage, fromEntra atomic.Int64
	remembered, verified               atomic.Int64 // access tokens of clients

	registration metric.Registration
}

// CacheStats describe the sessions that a process has cached.
type CacheStats struct {
	Entries, Bytes          int
	Hits, Misses, Evictions uint64
}

// New returns a Telemetry with the instruments that docs/telemetry.md documents. It observes a cache
// until Close is called.
func New(log *slog.Logger, cache func() CacheStats) (*Telemetry, error) {
	m := &meter{Meter: otel.Meter(instrumentation)}
	t := &Telemetry{
		log: log, tracer: otel.Tracer(instrumentation),
		signIns:      m.counter("fibermsal.sign_ins", "{sign-in}", "Answers of Entra to sign-ins, by outcome and reason."),
		signOuts:     m.counter("fibermsal.sign_outs", "{sign-out}", "Sessions that were ended, by whom."),
		interactions: m.counter("fibermsal.interactions", "{redirect}", "Pages whose user was sent to sign in, by code."),
		entraErrors:  m.counter("fibermsal.entra.errors", "{error}", "Errors that Entra numbered, by endpoint and number."),
		refusals:     m.counter("fibermsal.api.refusals", "{request}", "Requests with access tokens that were refused, by code and reason."),
		exchanges:    m.seconds("fibermsal.on_behalf_of.duration", "Exchanges of a client's access token at Entra, by outcome.", 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
		refreshes:    m.seconds("fibermsal.refresh.duration", "Renewals of a token at Entra, by outcome.", 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
		lockWaits:    m.seconds("fibermsal.lock.wait.duration", "Waiting for another renewal of the same session.", 0.001, 0.01, 0.1, 0.5, 1, 5, 10),
		storage:      m.seconds("fibermsal.storage.duration", "Commands to the session storage, by operation and outcome.", 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5),
	}
	t.observe(m, cache)
	return t, m.err
}

// observe registers the values that are read when metrics are collected.
func (t *Telemetry) observe(m *meter, cache func() CacheStats) {
	tokens := m.observed("fibermsal.tokens", "{token}", "Access tokens given out, by where they came from.")
	callers := m.observed("fibermsal.api.requests", "{request}", "Requests whose access token was accepted, by whether it had been verified before.")
	lookups := m.observed("fibermsal.sessions.cache.lookups", "{lookup}", "Sessions looked for in this process's memory, by whether they were there.")
	evictions := m.observed("fibermsal.sessions.cache.evictions", "{session}", "Sessions that this process forgot for want of room.")
	entries := m.gauge("fibermsal.sessions.cache.entries", "{session}", "Sessions in the cache of this process.")
	size := m.gauge("fibermsal.sessions.cache.size", "By", "Approximate memory of the cached sessions.")
	if m.err != nil {
		return
	}
	t.registration, m.err = m.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		for source, n := range map[string]*atomic.Int64{"memory": &t.fromMemory, "storage": &t.fromStorage, "entra": &t.fromEntra} {
			o.ObserveInt64(tokens, n.Load(), metric.WithAttributes(attribute.String("source", source)))
		}
		o.ObserveInt64(callers, t.remembered.Load(), metric.WithAttributes(attribute.Bool("remembered", true)))
		o.ObserveInt64(callers, t.verified.Load(), metric.WithAttributes(attribute.Bool("remembered", false)))
		stats := cache()
		o.ObserveInt64(lookups, int64(stats.Hits), metric.WithAttributes(attribute.Bool("hit", true)))    //nolint:gosec // a count
		o.ObserveInt64(lookups, int64(stats.Misses), metric.WithAttributes(attribute.Bool("hit", false))) //nolint:gosec // a count
		o.ObserveInt64(evictions, int64(stats.Evictions))                                                 //nolint:gosec // a count
		o.ObserveInt64(entries, int64(stats.Entries))
		o.ObserveInt64(size, int64(stats.Bytes))
		return nil
	}, tokens, callers, lookups, evictions, entries, size)
}

// Close stops observing the cache.
func (t *Telemetry) Close() error { return t.registration.Unregister() }

// SignedIn counts a response of Entra to a sign-in.
func (t *Telemetry) SignedIn(ctx context.Context, err error) {
	t.signIns.Add(ctx, 1, outcome(err), numbered(err))
}

// SentToSignIn counts a request whose user is sent to the sign-in because of an error.
func (t *Telemetry) SentToSignIn(ctx context.Context, code string) {
	t.interactions.Add(ctx, 1, metric.WithAttributes(attribute.String("code", code)))
}

// SignedOut counts a session that ended.
func (t *Telemetry) SignedOut(ctx context.Context, by string) {
	t.signOuts.Add(ctx, 1, metric.WithAttributes(attribute.String("by", by)))
}

// Refreshed measures a renewal at Entra.
func (t *Telemetry) Refreshed(ctx context.Context, began time.Time, err error) {
	record(ctx, t.refreshes, began, outcome(err))
	t.fromEntra.Add(oneIf(err == nil))
}

// CallerAccepted counts a request whose access token was accepted.
func (t *Telemetry) CallerAccepted(remembered bool) {
	if remembered {
		t.remembered.Add(1)
		return
	}
	t.verified.Add(1)
}

// CallerRefused counts a request whose access token was refused.
func (t *Telemetry) CallerRefused(ctx context.Context, err error) {
	t.refusals.Add(ctx, 1, outcome(err))
}

// Exchanged measures an exchange of a client's access token at Entra.
func (t *Telemetry) Exchanged(ctx context.Context, began time.Time, err error) {
	record(ctx, t.exchanges, began, outcome(err))
	t.fromEntra.Add(oneIf(err == nil))
}

// LockWaited measures waiting for the lock of a session.
func (t *Telemetry) LockWaited(ctx context.Context, began time.Time, err error) {
	record(ctx, t.lockWaits, began, outcome(err))
}

// TokenFromMemory counts a token that was returned from memory.
func (t *Telemetry) TokenFromMemory() { t.fromMemory.Add(1) }

// TokenFromStorage counts a token that was returned from the storage.
func (t *Telemetry) TokenFromStorage() { t.fromStorage.Add(1) }

// StorageCommand measures a command to the storage. It returns nil if no meter provider is set.
func (t *Telemetry) StorageCommand(operation string) func(error) {
	ctx := context.Background()
	if !t.storage.Enabled(ctx) {
		return nil
	}
	began := time.Now()
	return func(err error) {
		record(ctx, t.storage, began,
			metric.WithAttributes(attribute.String("operation", operation), attribute.Bool("failed", err != nil)))
	}
}

func record(ctx context.Context, h metric.Float64Histogram, began time.Time, option metric.RecordOption) {
	h.Record(ctx, time.Since(began).Seconds(), option)
}

func oneIf(condition bool) int64 {
	if condition {
		return 1
	}
	return 0
}

// meter creates instruments and collects the errors.
type meter struct {
	metric.Meter
	err error
}

func (m *meter) counter(name, unit, description string) metric.Int64Counter {
	c, err := m.Int64Counter(name, metric.WithUnit(unit), metric.WithDescription(description))
	m.err = errors.Join(m.err, err)
	return c
}

func (m *meter) seconds(name, description string, bounds ...float64) metric.Float64Histogram {
	h, err := m.Float64Histogram(name, metric.WithUnit("s"), metric.WithDescription(description), metric.WithExplicitBucketBoundaries(bounds...))
	m.err = errors.Join(m.err, err)
	return h
}

func (m *meter) observed(name, unit, description string) metric.Int64ObservableCounter {
	c, err := m.Int64ObservableCounter(name, metric.WithUnit(unit), metric.WithDescription(description))
	m.err = errors.Join(m.err, err)
	return c
}

func (m *meter) gauge(name, unit, description string) metric.Int64ObservableGauge {
	g, err := m.Int64ObservableGauge(name, metric.WithUnit(unit), metric.WithDescription(description))
	m.err = errors.Join(m.err, err)
	return g
}
