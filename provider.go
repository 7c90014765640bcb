package fibermsal

import (
	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/microsoft/kiota-abstractions-go/authentication"

	"github.com/fibermsal/fibermsal/entra"
)

// TokenCredential returns the signed-in user's tokens for the Azure SDK, Kiota clients or plain
// HTTP calls. It is bound to the session of this request, may be used after the handler has
// returned, and is safe for concurrent use. c is a Fiber context.
//
// GetToken takes the scopes of Config if none, or Graph's .default, are requested. It renews
// the token if necessary, and waits no longer than its context. The tokens are those of the tenant
// that the user signed in to: if another TenantID is requested, the error is [ErrMisconfigured].
//
// GetToken returns an [*Error]: [ErrLoginRequired] if no user is signed in or the tokens cannot
// be renewed, [ErrConsentRequired], [ErrClaimsChallenge] if claims are requested,
// [ErrUnavailable], or [ErrMisconfigured] if the middleware has not run.
//
// For a caller with an access token, which [RequireToken] or [RequireFrom] has accepted, the tokens are
// those of the on-behalf-of flow. They end with the caller's token at the latest. For an app that calls as
// itself the error is [ErrForbidden], and [ErrInvalidToken] once the caller's token has expired. There are
// no long-running jobs on behalf of a caller: a job uses [Auth.AppCredential], or [Auth.UserByID] or
// [Auth.UserByMail] for a user with a session.
func TokenCredential(c Locals) azcore.TokenCredential { return entra.TokenCredential(c) }

// AuthenticationProvider returns a provider that authenticates a Kiota client's requests as the
// signed-in user, with the given scopes or those of Config. It adds a token only to requests for
// the host of Config.GraphURL. See [TokenCredential] for its lifetime, concurrency and errors,
// which its requests return.
func AuthenticationProvider(c Locals, scopes ...string) authentication.AuthenticationProvider {
	return entra.AuthenticationProvider(c, scopes...)
}
