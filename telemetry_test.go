package fibermsal_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/internal/redistest"
)

// observatory receives the metrics and spans of all tests.
type observatory struct {
	readers []*sdkmetric.ManualReader

	mu    sync.Mutex
	spans map[string]int
	odd   map[string]bool // attributes that are no codes
}

var telemetry = &observatory{spans: map[string]int{}, odd: map[string]bool{}}

// observe sets the global providers. Neither has a goroutine, so both work in virtual
// time.
func (o *observatory) observe() {
	reader := sdkmetric.NewManualReader()
	o.readers = append(o.readers, reader)
	otel.SetMeterProvider(sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader)))
	otel.SetTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSyncer(o)))
}

// code matches the allowed values of attributes. Data of a user, a session or a token does not match.
var code = regexp.MustCompile(`^[a-z0-9_]{0,40}$`)

func (o *observatory) note(attributes []attribute.KeyValue) {
	for _, kv := range attributes {
		if !code.MatchString(kv.Value.Emit()) {
			o.odd[string(kv.Key)+" = "+kv.Value.Emit()] = true
		}
	}
}

// ExportSpans implements sdktrace.SpanExporter.
func (o *observatory) ExportSpans(_ context.Context, spans []sdktrace.ReadOnlySpan) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, s := range spans {
		if s.InstrumentationScope().Name != "github.com/fibermsal/fibermsal" {
			continue // Kiota's
		}
		o.spans[s.Name()]++
		o.note(s.Attributes())
		o.note([]attribute.KeyValue{attribute.String("status", s.Status().Description)})
		for _, e := range s.Events() {
			o.odd["an event: "+e.Name] = true
		}
	}
	return nil
}

// Shutdown implements sdktrace.SpanExporter.
func (o *observatory) Shutdown(context.Context) error { return nil }

// check reports forbidden values of attributes, after all tests.
func (o *observatory) check() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, reader := range o.readers {
		var all metricdata.ResourceMetrics
		if err := reader.Collect(context.Background(), &all); err != nil {
			return err
		}
		for _, point := range points(all) {
			o.note(point.attributes.ToSlice())
		}
	}
	if len(o.odd) > 0 {
		return fmt.Errorf("attributes that are no codes: %v", o.odd)
	}
	return nil
}

type point struct {
	name       string
	attributes attribute.Set
	count      int64
}

func points(all metricdata.ResourceMetrics) (found []point) {
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			switch data := m.Data.(type) {
			case metricdata.Sum[int64]:
				for _, p := range data.DataPoints {
					found = append(found, point{m.Name, p.Attributes, p.Value})
				}
			case metricdata.Gauge[int64]:
				for _, p := range data.DataPoints {
					found = append(found, point{m.Name, p.Attributes, p.Value})
				}
			case metricdata.Histogram[float64]:
				for _, p := range data.DataPoints {
					found = append(found, point{m.Name, p.Attributes, int64(p.Count)})
				}
			}
		}
	}
	return found
}

// Not parallel: the providers are global, and this one counts.
func TestTelemetry_TellsWhatHappened(t *testing.T) {
	reader := sdkmetric.NewManualReader()
	otel.SetMeterProvider(sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader)))
	defer telemetry.observe()
	server, idp := redistest.Start(t), newIDP(t)
	s := newInteractiveSite(t, idp, on(t, server))
	b := s.browser()
	b.Send(b.approve(b.start(""), adele).Request())
	b.Get("/token")
	b.Get("/token")
	b.vault(server).expire()
	idp.Fault(entratest.Token, entratest.Fault{Times: 1, OAuth: &entratest.OAuthError{Error: "invalid_grant", Codes: []int{50173}}})
	there := newSite(t, idp, on(t, server)) // knows no token
	b.site = there
	b.Get("/token")
	b.site = s
	b.Navigate("/scope")
	cancelled, err := idp.Cancel(b.start(""))
	if err != nil {
		t.Fatal(err)
	}
	b.Send(cancelled.Request())
	b.Send(request(http.MethodPost, "/user/logout", ""))

	var all metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &all); err != nil {
		t.Fatal(err)
	}
	counted := map[string]int64{}
	for _, p := range points(all) {
		words := []string{p.name}
		for _, kv := range p.attributes.ToSlice() {
			words = append(words, kv.Value.Emit())
		}
		counted[strings.Join(words, " ")] += p.count
	}
	for name, want := range map[string]int64{
		"fibermsal.sign_ins ok ":                                  1,
		"fibermsal.sign_ins sign_in_rejected access_denied":       1,
		"fibermsal.sign_outs user":                                1,
		"fibermsal.interactions consent_required":                 1,
		"fibermsal.refresh.duration login_required invalid_grant": 1,
		"fibermsal.lock.wait.duration ok ":                        1,
		"fibermsal.tokens memory":                                 1,
		"fibermsal.tokens storage":                                1,
		"fibermsal.tokens entra":                                  0,
		"fibermsal.storage.duration false set":                    1,
		"fibermsal.storage.duration false claim":                  1,
	} {
		if counted[name] != want {
			t.Errorf("%s: %d, want %d", name, counted[name], want)
		}
	}
	if t.Failed() {
		t.Logf("%v", counted)
	}
	if counted["fibermsal.sessions.cache.entries"] == 0 || counted["fibermsal.sessions.cache.size"] == 0 || counted["fibermsal.sessions.cache.lookups true"] == 0 {
		t.Errorf("the cache tells nothing: %v", counted)
	}
}

// spanSeeker records whether a message is logged with a span.
type spanSeeker struct {
	slog.Handler
	message string
	found   atomic.Int32 // with a span
	missing atomic.Int32 // without
}

func (s *spanSeeker) Handle(ctx context.Context, r slog.Record) error {
	switch {
	case r.Message != s.message:
	case trace.SpanContextFromContext(ctx).IsValid():
		s.found.Add(1)
	default:
		s.missing.Add(1)
	}
	return nil
}

func TestTelemetry_RefusedSignInIsLoggedWithItsSpan(t *testing.T) {
	t.Parallel()
	seeker := &spanSeeker{Handler: slog.NewTextHandler(io.Discard, nil), message: "request refused"}
	b := newSite(t, newIDP(t), func(cfg *fibermsal.Config) {
		cfg.Logger = slog.New(seeker)
		cfg.OnSignIn = func(context.Context, *fibermsal.SignIn) error { return errors.New("not here") }
	}).browser()
	if a := b.Send(b.approve(b.start(""), adele).Request()); a.StatusCode != http.StatusForbidden {
		t.Fatalf("%d %s", a.StatusCode, a.Text)
	}
	if seeker.found.Load() != 1 || seeker.missing.Load() != 0 {
		t.Errorf("logged %d times with a span, %d times without", seeker.found.Load(), seeker.missing.Load())
	}
}

// The alarms of docs/telemetry.md must not fire when a user uses a scope for the first time.
func TestTelemetry_AFirstConsentIsNoFailure(t *testing.T) {
	t.Parallel()
	server, idp := redistest.Start(t), newIDP(t)
	s := newInteractiveSite(t, idp, on(t, server))
	b := s.browser()
	b.signIn(adele)
	if a := b.Get("/token-of-scope"); a.JSON(t)["code"] != "consent_required" {
		t.Fatalf("%s", a.Text)
	}
	logged := s.log.String()
	if strings.Contains(logged, "refresh_failed") || !strings.Contains(logged, `"event":"user_required"`) || strings.Contains(logged, `"level":"WARN","msg":"audit"`) {
		t.Errorf("%s", logged)
	}
	b.vault(server).expire()
	idp.Fault(entratest.Token, entratest.Fault{Times: 1, OAuth: &entratest.OAuthError{Error: "invalid_grant", Codes: []int{50173}}})
	there := newInteractiveSite(t, idp, on(t, server)) // knows no token
	b.site = there
	b.Get("/token")
	if logged := there.log.String(); !strings.Contains(logged, `"level":"WARN","msg":"audit","event":"refresh_failed"`) {
		t.Errorf("a renewal that failed: %s", logged)
	}
}
