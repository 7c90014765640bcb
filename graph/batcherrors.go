package graph

import (
	"cmp"
	"net/http"

	abstractions "github.com/microsoft/kiota-abstractions-go"
	"github.com/microsoft/kiota-abstractions-go/serialization"
	core "github.com/microsoftgraph/msgraph-sdk-go-core"
	"github.com/microsoftgraph/msgraph-sdk-go/models/odataerrors"

	"github.com/fibermsal/fibermsal/entra"
)

// odataErrors are the error mappings of the SDK's own builders.
var odataErrors = abstractions.ErrorMappings{"XXX": odataerrors.CreateODataErrorFromDiscriminatorValue}

// orODataErrors returns errs, or the SDK's error mappings if errs is empty. PageIterator and batches
// pass no mappings, and without them Graph's errors would lose their codes.
func orODataErrors(errs abstractions.ErrorMappings) abstractions.ErrorMappings {
	if len(errs) == 0 {
		return odataErrors
	}
	return errs
}

// init registers the mappings with which the SDK reads the errors of a batch's parts. If the app has
// registered its own mappings, those are used.
func init() {
	_ = core.RegisterError(core.BatchRequestErrorRegistryKey, abstractions.ErrorMappings{"4XX": newPartError, "5XX": newPartError})
}

// partError is the error of a part of a batch. errors.As finds the *entra.Error and the SDK's
// *odataerrors.ODataError in it.
type partError struct{ *odataerrors.ODataError }

func newPartError(serialization.ParseNode) (serialization.Parsable, error) {
	return &partError{odataerrors.NewODataError()}, nil
}

// GetFieldDeserializers implements serialization.Parsable.
func (e *partError) GetFieldDeserializers() map[string]func(serialization.ParseNode) error {
	fields := e.ODataError.GetFieldDeserializers()
	fields[partStatus] = func(n serialization.ParseNode) error {
		status, err := n.GetInt32Value()
		if err == nil && status != nil {
			e.SetStatusCode(int(*status))
		}
		return err
	}
	return fields
}

// entraError returns the same error that the response would cause outside of a batch.
func (e *partError) entraError() *entra.Error {
	c := &call{status: cmp.Or(e.ResponseStatusCode, http.StatusBadGateway)} // the status is missing if another adapter sent the batch
	return c.statusError(e.ODataError)
}

// Error implements error.
func (e *partError) Error() string { return e.entraError().Error() }

// Unwrap returns the *entra.Error, which wraps the ODataError.
func (e *partError) Unwrap() error { return e.entraError() }

// partStatus is a property of a part's error body that Graph does not have.
const partStatus = "@fibermsal.status"

// completeBatch writes the status of each failed part into its body, and adds a body if there is none,
// because the SDK passes only the body to the error of a part.
func completeBatch(object serialization.Parsable) {
	batch, ok := object.(core.BatchResponse)
	if !ok {
		return
	}
	for _, part := range batch.GetResponses() {
		if status := part.GetStatus(); status != nil && *status >= http.StatusBadRequest {
			body := part.GetBody()
			if body == nil {
				body = core.RequestBody{}
			}
			body[partStatus] = *status
			part.SetBody(body)
			part.SetHeaders(core.RequestHeader{"Content-Type": "application/json"})
		}
	}
}
