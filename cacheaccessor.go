package fibermsal

import "github.com/fibermsal/fibermsal/entra"

// CacheAccessor lets an MSAL client keep its tokens in one session's sealed record. It
// implements MSAL's cache.ExportReplace. It belongs to that session alone: a client made with
// it must not serve other users, because a shared client hands one user's tokens to another
// (trap M1). It is safe for concurrent use and may be used after the handler has returned.
type CacheAccessor = entra.CacheAccessor

// NewCacheAccessor returns the accessor for the signed-in user's tokens, to make a
// confidential.Client of one's own with confidential.WithCache. It returns [ErrLoginRequired]
// if no user is signed in, [ErrUnavailable] if the storage failed, and [ErrMisconfigured] if the
// middleware has not run or the caller has an access token, for which there is no cache. c is a Fiber context.
func NewCacheAccessor(c Locals) (*CacheAccessor, error) { return entra.NewCacheAccessor(c) }
