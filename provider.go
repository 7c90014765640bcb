package fibermsal

import (
	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/microsoft/kiota-abstractions-go/authentication"

	"github.com/fibermsal/fibermsal/entra"
)

// TokenCredential returns a credential that provides the signed-in user's tokens to the Azure SDK,
// Kiota clients or plain HTTP calls. It is bound to the session of this request, may be used after the
// handler has returned, and is safe for concurrent use. c is a Fiber context.
//
// If no scopes, or Graph's .default, are requested, GetToken uses the scopes of Config. It renews the
// token if necessary and returns when its context ends. It provides tokens only of the tenant that the
// user signed in to; for another TenantID the error is [ErrMisconfigured].
//
// GetToken returns an [*Error]: [ErrLoginRequired] if no user is signed in or the tokens cannot
// be renewed, [ErrConsentRequired], [ErrClaimsChallenge] if claims are requested,
// [ErrUnavailable], or [ErrMisconfigured] if the middleware has not run.
//
// If [RequireToken] or [RequireFrom] has accepted a caller with an access token, the tokens come from
// the on-behalf-of flow and expire no later than the caller's token. If the caller is an app without a
// user, the error is [ErrForbidden]; once the caller's token has expired, it is [ErrInvalidToken].
// Background jobs cannot run on behalf of such a caller. They can use [Auth.AppCredential] or, for a
// user with a session, [Auth.UserByID] or [Auth.UserByMail].
func TokenCredential(c Locals) azcore.TokenCredential { return entra.TokenCredential(c) }

// AuthenticationProvider returns a provider that authenticates a Kiota client's requests as the
// signed-in user, with the given scopes or those of Config. It adds a token only to requests for
// the host of Config.GraphURL. See [TokenCredential] for its lifetime, concurrency and errors,
// which its requests return.
func AuthenticationProvider(c Locals, scopes ...string) authentication.AuthenticationProvider {
	return entra.AuthenticationProvider(c, scopes...)
}
