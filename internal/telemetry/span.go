package telemetry

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/fibermsal/fibermsal/internal/autherr"
)

// Span starts a span. The returned function ends it with the outcome of the work, which consists of
// codes only. Causes are only logged.
func (t *Telemetry) Span(ctx context.Context, name string, options ...trace.SpanStartOption) (context.Context, func(error)) {
	ctx, span := t.tracer.Start(ctx, name, options...)
	return ctx, func(err error) {
		if err != nil {
			code, reason := Outcome(err)
			span.SetAttributes(attribute.String("fibermsal.code", code), attribute.String("fibermsal.reason", reason))
			if e, ok := autherr.Find(err); ok && autherr.AADSTS(e) != "" {
				span.SetAttributes(attribute.String("fibermsal.aadsts", autherr.AADSTS(e)))
			}
			span.SetStatus(codes.Error, code)
		}
		span.End()
	}
}

// Outcome returns the code and reason of an error for metrics, spans and audit records.
func Outcome(err error) (code, reason string) {
	if err == nil {
		return "ok", ""
	}
	if e, ok := autherr.Find(err); ok {
		return e.Code, e.Reason
	}
	return "failed", ""
}

func outcome(err error) metric.MeasurementOption {
	code, reason := Outcome(err)
	return metric.WithAttributes(attribute.String("outcome", code), attribute.String("reason", reason))
}
