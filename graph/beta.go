package graph

import (
	"reflect"
	"runtime"
	"strings"

	abstractions "github.com/microsoft/kiota-abstractions-go"
	"github.com/microsoft/kiota-abstractions-go/serialization"
	khttp "github.com/microsoft/kiota-http-go"
)

// betaSDK is a part of all import paths of msgraph-beta-sdk-go.
const betaSDK = "/msgraph-beta-sdk-go/"

// kiotaFor returns Kiota's adapter for a request. A client of the beta SDK uses the adapter's base URL
// and would silently call v1.0, so its requests are recognized by their models and sent to beta. After
// SetBaseUrl, all requests use the version that was set.
func (a *adapter) kiotaFor(constructor serialization.ParsableFactory, errs abstractions.ErrorMappings) *khttp.NetHttpRequestAdapter {
	if a.kiota.GetBaseUrl() != a.root {
		return a.kiota
	}
	if isOfBeta(constructor) {
		return a.beta()
	}
	for _, constructor := range errs {
		if isOfBeta(constructor) {
			return a.beta()
		}
	}
	return a.kiota
}

func isOfBeta(constructor serialization.ParsableFactory) bool {
	if constructor == nil {
		return false
	}
	function := runtime.FuncForPC(reflect.ValueOf(constructor).Pointer())
	return function != nil && strings.Contains(function.Name(), betaSDK)
}
