package telemetry

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/fibermsal/fibermsal/internal/autherr"
)

// Endpoint is an endpoint of Entra.
type Endpoint string

// The endpoints.
const (
	EndpointAuthorize Endpoint = "authorize"
	EndpointToken     Endpoint = "token"
	EndpointDiscovery Endpoint = "discovery"
)

// numberKey is the attribute for AADSTS numbers. [autherr.AADSTS] limits the number of its values.
const numberKey = "aadsts"

// EntraError counts an error of Entra by its number. It does not count errors without a number, and it
// does nothing if t is nil.
func (t *Telemetry) EntraError(ctx context.Context, endpoint Endpoint, number string) {
	if t == nil || number == "" {
		return
	}
	t.entraErrors.Add(ctx, 1, metric.WithAttributes(
		attribute.String("endpoint", string(endpoint)), attribute.String(numberKey, number)))
}

// numbered returns the number of an error as an attribute, if Entra gave it a number.
func numbered(err error) metric.MeasurementOption {
	if e, ok := autherr.Find(err); ok && autherr.AADSTS(e) != "" {
		return metric.WithAttributes(attribute.String(numberKey, autherr.AADSTS(e)))
	}
	return metric.WithAttributes()
}
