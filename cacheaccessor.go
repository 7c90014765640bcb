package fibermsal

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/cache"
	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal/internal/record"
)

// CacheAccessor lets an MSAL client keep its tokens in one session's sealed
// record. It implements MSAL's cache.ExportReplace.
//
// It belongs to that session alone: MSAL's partition hints are ignored, since
// MSAL computes them differently from call to call, and a client made with it
// must not serve anybody else, because a shared client hands one user's tokens
// to another (trap M1). It is safe for concurrent use, and may be used after
// the handler has returned.
type CacheAccessor struct {
	cache tokenCache
}

var _ cache.ExportReplace = (*CacheAccessor)(nil)

// emptyCache is what MSAL must be given when nothing is stored: left alone it
// would keep, and later export, what it held before (trap M2).
var emptyCache = []byte("{}")

var errNoSession = errors.New("fibermsal: a CacheAccessor without a session; make it with NewCacheAccessor")

// NewCacheAccessor returns the accessor for the signed-in user's tokens, to make
// one's own confidential.Client with confidential.WithCache. It returns
// [ErrLoginRequired] if nobody is signed in.
func NewCacheAccessor(c *fiber.Ctx) (*CacheAccessor, error) {
	r := requestOf(c)
	if r == nil {
		return nil, notMounted("NewCacheAccessor")
	}
	s, err := r.current(c)
	if err != nil {
		return nil, err
	}
	if s == nil {
		return nil, ErrLoginRequired
	}
	return &CacheAccessor{cache: &recordedTokens{auth: r.auth, session: s}}, nil
}

// Replace gives MSAL what is stored, or an empty cache.
func (a *CacheAccessor) Replace(ctx context.Context, into cache.Unmarshaler, _ cache.ReplaceHints) error {
	if a.cache == nil {
		return errNoSession
	}
	content, err := a.cache.load(ctx)
	if err != nil {
		return err
	}
	if len(content) == 0 {
		content = emptyCache
	}
	return into.Unmarshal(content)
}

// Export stores what MSAL holds, if the session still exists.
func (a *CacheAccessor) Export(ctx context.Context, from cache.Marshaler, _ cache.ExportHints) error {
	if a.cache == nil {
		return errNoSession
	}
	content, err := from.Marshal()
	if err != nil {
		return err
	}
	return a.cache.save(ctx, content)
}

// tokenCache holds the serialized MSAL cache of one user.
type tokenCache interface {
	// load returns nil if there is none.
	load(context.Context) ([]byte, error)
	save(context.Context, []byte) error
}

// recordedTokens is the token cache in a session's record.
type recordedTokens struct {
	auth    *Auth
	session *session
}

func (t *recordedTokens) load(ctx context.Context) ([]byte, error) {
	content, err := t.auth.records.Get(ctx, t.session.recordName, record.Tokens)
	switch {
	case err == nil:
		return content, nil
	case errors.Is(err, record.ErrNotFound):
		return nil, nil
	case errors.Is(err, record.ErrCorrupt), errors.Is(err, record.ErrUnknownKey):
		// The session lives, its tokens cannot be read: signing in again mends it.
		t.auth.log.LogAttrs(ctx, slog.LevelWarn, "tokens of a session do not open", slog.String("reason", "seal_mismatch"))
		return nil, nil
	}
	return nil, storageUnavailable(err)
}

func (t *recordedTokens) save(ctx context.Context, content []byte) error {
	ttl := t.auth.remaining(t.session)
	if ttl < time.Second {
		return nil // the session is over; so are its tokens
	}
	err := t.auth.records.Update(ctx, t.session.recordName, record.Tokens, content, ttl)
	if errors.Is(err, record.ErrNotFound) {
		return nil // signed out meanwhile, which wins (threat D8)
	}
	if err != nil {
		return storageUnavailable(err)
	}
	return nil
}

// stagedTokens is a token cache in memory, for a result that is verified before
// it is stored. It is safe for concurrent use, for a hook may ask for several
// tokens at once and leave before they have come.
type stagedTokens struct {
	mu      sync.Mutex
	content []byte
	changed bool
}

func (t *stagedTokens) load(context.Context) ([]byte, error) {
	content, _ := t.snapshot()
	return content, nil
}

func (t *stagedTokens) save(_ context.Context, content []byte) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.content, t.changed = bytes.Clone(content), true
	return nil
}

// snapshot returns the content, which nobody changes, and whether it is new.
func (t *stagedTokens) snapshot() (content []byte, changed bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.content, t.changed
}
