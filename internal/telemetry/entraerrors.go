package telemetry

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/fibermsal/fibermsal/internal/autherr"
)

// Endpoint is one of Entra's.
type Endpoint string

// The endpoints.
const (
	EndpointAuthorize Endpoint = "authorize"
	EndpointToken     Endpoint = "token"
	EndpointDiscovery Endpoint = "discovery"
)

// numberKey is the attribute for AADSTS numbers, whose values [autherr.AADSTS] bounds.
const numberKey = "aadsts"

// EntraError counts an error that Entra numbered. An error without a number is not counted, and
// none is by a nil Telemetry.
func (t *Telemetry) EntraError(ctx context.Context, endpoint Endpoint, number string) {
	if t == nil || number == "" {
		return
	}
	t.entraErrors.Add(ctx, 1, metric.WithAttributes(
		attribute.String("endpoint", string(endpoint)), attribute.String(numberKey, number)))
}

// numbered is the number of an error, if Entra numbered it.
func numbered(err error) metric.MeasurementOption {
	if e, ok := autherr.Find(err); ok && autherr.AADSTS(e) != "" {
		return metric.WithAttributes(attribute.String(numberKey, autherr.AADSTS(e)))
	}
	return metric.WithAttributes()
}
