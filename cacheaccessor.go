package fibermsal

import "github.com/fibermsal/fibermsal/entra"

// CacheAccessor lets an MSAL client keep its tokens in the sealed record of one session. It implements
// MSAL's cache.ExportReplace. A client that uses it must not serve other users, because a shared client
// returns one user's tokens to another (trap M1). It is safe for concurrent use and may be used after
// the handler has returned.
type CacheAccessor = entra.CacheAccessor

// NewCacheAccessor returns the accessor for the signed-in user's tokens. Pass it to
// confidential.WithCache to create your own confidential.Client. It returns [ErrLoginRequired] if no
// user is signed in, [ErrUnavailable] if the storage failed, and [ErrMisconfigured] if the middleware
// has not run or if the caller has an access token, because only sessions have a cache. c is a Fiber
// context.
func NewCacheAccessor(c Locals) (*CacheAccessor, error) { return entra.NewCacheAccessor(c) }
