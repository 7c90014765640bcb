// Package msalcache connects MSAL's cache interface with the place where a user's tokens are stored.
package msalcache

import (
	"context"
	"errors"
	"sync"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/cache"
)

// Cache holds the serialized MSAL cache of one user.
type Cache interface {
	// Load returns the content and its version, or nil if there is none.
	Load(context.Context) (content, version []byte, err error)
	// Swap stores content that was derived from version, and takes ownership of it. If the stored
	// version has changed, both are merged. If nothing is stored any more, Swap stores nothing.
	Swap(ctx context.Context, version, content []byte) error
}

// Accessor lets an MSAL client keep its tokens in one session's sealed record. It implements
// MSAL's cache.ExportReplace.
//
// It belongs to that session alone. MSAL's partition hints are ignored, because MSAL computes
// them differently from call to call. A client made with it must not serve other users,
// because a shared client hands one user's tokens to another (trap M1). It is safe for
// concurrent use and may be used after the handler has returned.
type Accessor struct {
	cache Cache

	mu      sync.Mutex
	version []byte // of the content that MSAL has read and will replace
}

var _ cache.ExportReplace = (*Accessor)(nil)

// errZeroAccessor is the error of an Accessor that was not created by New.
var errZeroAccessor = errors.New("fibermsal: a CacheAccessor without a session; make it with NewCacheAccessor")

// emptyCache must be given to MSAL if nothing is stored. Otherwise MSAL would keep its previous
// content and export that later (trap M2).
var emptyCache = []byte("{}")

// New returns an Accessor for a cache.
func New(c Cache) *Accessor { return &Accessor{cache: c} }

// Replace gives MSAL the stored tokens, or an empty cache. It returns an *Error that matches
// ErrUnavailable if the storage failed.
func (a *Accessor) Replace(ctx context.Context, into cache.Unmarshaler, _ cache.ReplaceHints) error {
	if a.cache == nil {
		return errZeroAccessor
	}
	content, version, err := a.cache.Load(ctx)
	if err != nil {
		return err
	}
	a.mu.Lock()
	a.version = version
	a.mu.Unlock()
	if len(content) == 0 {
		content = emptyCache
	}
	return into.Unmarshal(content)
}

// Export stores MSAL's tokens, if the session still exists. Tokens that others have stored
// since Replace are kept beside them. It returns an *Error that matches ErrUnavailable if the
// storage failed.
func (a *Accessor) Export(ctx context.Context, from cache.Marshaler, _ cache.ExportHints) error {
	if a.cache == nil {
		return errZeroAccessor
	}
	content, err := from.Marshal()
	if err != nil {
		return err
	}
	a.mu.Lock()
	version := a.version
	a.mu.Unlock()
	return a.cache.Swap(ctx, version, content)
}
