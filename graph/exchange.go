package graph

import (
	"context"

	abstractions "github.com/microsoft/kiota-abstractions-go"
)

// newRequest returns a request for a path below the root of Graph, which may have a query.
func newRequest(method abstractions.HttpMethod, path, accept string) *abstractions.RequestInformation {
	info := abstractions.NewRequestInformationWithMethodAndUrlTemplateAndPathParameters(method, "{+baseurl}"+path, map[string]string{})
	info.Headers.Add("Accept", accept)
	return info
}

// exchange sends a request. It returns the content of the response and the call, which records what
// happened.
func (a *adapter) exchange(ctx context.Context, info *abstractions.RequestInformation) (content []byte, made *call, err error) {
	made = new(call) // in case it is not even started
	result, err := run(ctx, a, info, func(ctx context.Context, c *call, info *abstractions.RequestInformation) (any, error) {
		made = c
		return a.kiota.SendPrimitive(ctx, info, bytesType, odataErrors)
	})
	content, _ = result.([]byte)
	return content, made, err
}
