package fibermsal

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/cache"
	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal/internal/record"
	"github.com/fibermsal/fibermsal/internal/tokencache"
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

	mu      sync.Mutex
	version []byte // that MSAL was given last, over which it writes
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

// Replace gives MSAL what is stored, or an empty cache. It returns [ErrUnavailable] if the
// storage failed.
func (a *CacheAccessor) Replace(ctx context.Context, into cache.Unmarshaler, _ cache.ReplaceHints) error {
	if a.cache == nil {
		return errNoSession
	}
	content, version, err := a.cache.load(ctx)
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

// Export stores what MSAL holds, if the session still exists. What others have stored
// since Replace is kept beside it. It returns [ErrUnavailable] if the storage failed.
func (a *CacheAccessor) Export(ctx context.Context, from cache.Marshaler, _ cache.ExportHints) error {
	if a.cache == nil {
		return errNoSession
	}
	content, err := from.Marshal()
	if err != nil {
		return err
	}
	a.mu.Lock()
	version := a.version
	a.mu.Unlock()
	return a.cache.swap(ctx, version, content)
}

// tokenCache holds the serialized MSAL cache of one user.
type tokenCache interface {
	// load returns nil if there is none, and the version it is.
	load(context.Context) (content, version []byte, err error)
	// swap stores content that was made from a version, and takes it over. If there is
	// another by now, both are merged; if there is none, nothing is stored.
	swap(ctx context.Context, version, content []byte) error
}

// recordedTokens is the token cache in a session's record. Its version is the box,
// since no two are alike.
type recordedTokens struct {
	auth    *Auth
	session *session
}

func (t *recordedTokens) load(ctx context.Context) (content, version []byte, err error) {
	name := t.session.recordName
	box, err := t.auth.records.Sealed(ctx, name, record.Tokens)
	if err == nil {
		content, err = t.auth.records.Open(name, record.Tokens, box)
	}
	switch {
	case errors.Is(err, record.ErrNotFound):
		return nil, nil, nil
	case errors.Is(err, record.ErrUnknownKey):
		// Another instance may be one deploy ahead: leave the record alone.
		t.auth.log.LogAttrs(ctx, slog.LevelWarn, "tokens sealed with a key that is not in Config.Keys", auditedSession(name))
		return nil, nil, nil
	case errors.Is(err, record.ErrCorrupt):
		// The session lives, its tokens cannot be read: the user has to sign in again.
		t.auth.audit(ctx, slog.LevelWarn, auditSealMismatch, t.session, slog.String("reason", "seal_mismatch"))
		return nil, nil, nil
	case err != nil:
		return nil, nil, storageUnavailable(err)
	}
	content, err = t.auth.pending.startFrom(name, box, content)
	return content, box, err
}

func (t *recordedTokens) swap(ctx context.Context, version, content []byte) error {
	ttl := t.auth.remaining(t.session)
	if ttl < time.Second || version == nil {
		return nil // the session is over, and so are its tokens
	}
	changed, err := t.swapOnce(ctx, version, content, ttl)
	if !changed {
		return err
	}
	waiting, cancel := context.WithTimeout(ctx, turnPatience)
	defer cancel()
	done, err := t.auth.records.Turn(waiting, t.session.recordName)
	if err != nil {
		return storageUnavailable(err)
	}
	defer done()
	ctx, cancel = context.WithTimeout(ctx, swapPatience)
	defer cancel()
	for pause := swapPause; ; pause = min(2*pause, maxSwapPause) {
		if version, content, err = t.merge(ctx, content); err != nil || version == nil {
			return err
		}
		if changed, err = t.swapOnce(ctx, version, content, ttl); !changed {
			return err
		}
		select {
		case <-time.After(rand.N(pause)): //nolint:gosec // spreads load, keeps no secret
		case <-ctx.Done():
			return storageUnavailable(context.Cause(ctx))
		}
	}
}

// swapOnce stores content, with what waits to be stored, and reports whether somebody else
// was faster. A session that has ended meanwhile is no error: the sign-out wins (threat D8).
func (t *recordedTokens) swapOnce(ctx context.Context, version, content []byte, ttl time.Duration) (changed bool, err error) {
	waits := t.auth.pending.over(t.session.recordName, version)
	if content, err = waits.beneath(content); err != nil {
		return false, err
	}
	err = t.auth.records.Swap(ctx, t.session.recordName, record.Tokens, version, content, ttl)
	switch {
	case err == nil:
		if waits != nil {
			t.auth.pending.stored(t.session.recordName, waits)
		}
		return false, nil
	case errors.Is(err, record.ErrNotFound):
		return false, nil
	case errors.Is(err, record.ErrChanged):
		return true, nil
	}
	return false, storageUnavailable(err)
}

// How long a write waits before it tries again over what another instance wrote. Renewals
// of a session take turns, so it is rare; an app's own MSAL clients may be many, and take
// turns in their process once they have met.
const (
	swapPause    = time.Millisecond
	maxSwapPause = 100 * time.Millisecond
	// swapPatience ends it for a caller whose context has no end. It begins with the caller's
	// turn: waiting for that is the work of others, which says nothing about the storage.
	swapPatience = 10 * time.Second
	turnPatience = time.Minute
)

// merge adds what others have stored meanwhile.
func (t *recordedTokens) merge(ctx context.Context, content []byte) (version, merged []byte, err error) {
	theirs, version, err := t.load(ctx)
	if err != nil || version == nil {
		return nil, nil, err
	}
	merged, err = tokencache.Merged(content, theirs)
	return version, merged, err
}

// stagedTokens is a token cache in memory, for a result that is verified before
// it is stored. It is safe for concurrent use, for a hook may ask for several
// tokens at once and leave before they have come.
type stagedTokens struct {
	mu      sync.Mutex
	content []byte
}

func (t *stagedTokens) load(context.Context) (content, version []byte, err error) {
	return t.snapshot(), nil, nil
}

func (t *stagedTokens) swap(_ context.Context, _, content []byte) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.content = content
	return nil
}

// snapshot returns the content, which nobody changes.
func (t *stagedTokens) snapshot() []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.content
}
