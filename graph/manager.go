package graph

import (
	"context"
	"errors"

	"github.com/gofiber/fiber/v2"
	abstractions "github.com/microsoft/kiota-abstractions-go"
	"github.com/microsoftgraph/msgraph-sdk-go/models"
	"github.com/microsoftgraph/msgraph-sdk-go/models/odataerrors"
	"github.com/microsoftgraph/msgraph-sdk-go/users"

	"github.com/fibermsal/fibermsal"
)

// Manager returns the manager of the signed-in user, or nil without an error if
// the user has none. The scope User.Read is enough for one's own manager in most
// tenants; [ErrForbidden] says that this one wants User.Read.All. That is an error
// here, unlike in [Profile], because an app can do something about it.
//
// A manager may be an organizational contact, which has fewer properties.
func Manager(c *fiber.Ctx, scopes ...string) (models.Userable, error) {
	return managerOf(c.UserContext(), Adapter(c, scopes...))
}

// noManager is how Graph says that there is none. A 404 with
// another code, or without one, does not come from the directory.
const noManager = "Request_ResourceNotFound"

// managerOf gets the given properties of the manager, or Graph's default ones.
func managerOf(ctx context.Context, adapter abstractions.RequestAdapter, properties ...string) (models.Userable, error) {
	info, err := me(adapter).Manager().ToGetRequestInformation(ctx, &users.ItemManagerRequestBuilderGetRequestConfiguration{
		QueryParameters: &users.ItemManagerRequestBuilderGetQueryParameters{Select: properties},
	})
	if err != nil {
		return nil, badAnswer("request", err)
	}
	// Not the builder's own Get: where @odata.type is missing, that returns a
	// directory object without a name.
	object, err := adapter.Send(ctx, info, models.CreateUserFromDiscriminatorValue, abstractions.ErrorMappings{
		"XXX": odataerrors.CreateODataErrorFromDiscriminatorValue,
	})
	var e *fibermsal.Error
	switch {
	case errors.As(err, &e) && errors.Is(e, ErrNotFound) && e.Reason == noManager:
		return nil, nil
	case err != nil:
		return nil, err
	}
	manager, ok := object.(models.Userable)
	if !ok || manager.GetId() == nil { // of an answer that is no object the SDK makes an empty one
		return nil, badAnswer("unreadable", nil)
	}
	return manager, nil
}
