package graph

import (
	"context"
	"errors"

	abstractions "github.com/microsoft/kiota-abstractions-go"
	"github.com/microsoftgraph/msgraph-sdk-go/models"
	"github.com/microsoftgraph/msgraph-sdk-go/models/odataerrors"
	"github.com/microsoftgraph/msgraph-sdk-go/users"

	"github.com/fibermsal/fibermsal/entra"
	"github.com/fibermsal/fibermsal/internal/autherr"
)

// Manager returns the manager of the signed-in user, or nil without an error if the user has none. In
// most tenants the scope User.Read is sufficient. [ErrAccessDenied] means that this tenant requires
// User.Read.All; unlike [Profile], Manager returns it, because the app can request that scope.
//
// A manager may be an organizational contact, which has fewer properties.
func Manager(c entra.Locals, scopes ...string) (models.Userable, error) {
	return managerOf(entra.RequestContext(c), Adapter(c, scopes...))
}

// noManager is Graph's code for a user without a manager. A 404 with another code, or without a
// code, does not come from the directory.
const noManager = "Request_ResourceNotFound"

// managerOf gets the given properties of the manager, or Graph's default properties if none are given.
func managerOf(ctx context.Context, adapter abstractions.RequestAdapter, properties ...string) (models.Userable, error) {
	info, err := me(adapter).Manager().ToGetRequestInformation(ctx, &users.ItemManagerRequestBuilderGetRequestConfiguration{
		QueryParameters: &users.ItemManagerRequestBuilderGetQueryParameters{Select: properties},
	})
	if err != nil {
		return nil, errBadAnswer.New("request", err)
	}
	// The builder's own Get is not used, because it returns a directory object without a name if
	// @odata.type is missing.
	object, err := adapter.Send(ctx, info, models.CreateUserFromDiscriminatorValue, abstractions.ErrorMappings{
		"XXX": odataerrors.CreateODataErrorFromDiscriminatorValue,
	})
	switch {
	case errors.Is(err, errNotFound) && autherr.ReasonOf(err) == noManager:
		return nil, nil
	case err != nil:
		return nil, err
	}
	manager, ok := object.(models.Userable)
	if !ok || manager.GetId() == nil { // the SDK returns an empty object for a response that is not an object
		return nil, errBadAnswer.New("unreadable", nil)
	}
	return manager, nil
}
