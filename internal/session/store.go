package session

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"time"

	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/background"
	"github.com/fibermsal/fibermsal/internal/record"
	"github.com/fibermsal/fibermsal/internal/retryqueue"
	"github.com/fibermsal/fibermsal/internal/telemetry"
)

// Options configure a Store.
type Options struct {
	Records *record.Store
	// Origin is the app to which new sessions belong. Only sessions of this app are accepted.
	Origin string
	// Admits reports whether users of a tenant may sign in, and Tenants lists those tenants.
	// AnyTenant is set if they cannot be listed.
	Admits    func(tenant string) bool
	Tenants   func(context.Context) ([]string, error)
	AnyTenant bool

	IdleTimeout, AbsoluteTimeout time.Duration
	// StaleOnOutage is how long a session may be served from the cache while the storage fails, counted
	// from when the storage last confirmed it.
	StaleOnOutage time.Duration
	MaxPerUser    int

	Log        *slog.Logger
	Telemetry  *telemetry.Telemetry
	Background *background.Group
}

// Store reads, writes and finds sessions. It is safe for concurrent use.
type Store struct {
	Options
	cache    *Cache
	ended    *retryqueue.Queue[struct{}] // sessions whose records could not be deleted yet
	presence *presence
}

// ErrCorrupt means that the record of a session was unreadable and has been removed.
var ErrCorrupt = errors.New("fibermsal: corrupt session")

// errEndedMeanwhile means that the user's sessions were ended while the sign-in was in progress.
var errEndedMeanwhile = autherr.LoginRequired.New("session_ended", nil)

// NewStore returns a Store.
func NewStore(cache *Cache, o Options) *Store {
	s := &Store{Options: o, cache: cache, presence: newPresence(o.Records, o.Origin, o.Log)}
	s.ended = newEndedQueue(s)
	return s
}

// Cache returns the cache of this process.
func (s *Store) Cache() *Cache { return s.cache }

// Deregister removes the announcement of this instance when it closes.
func (s *Store) Deregister() { s.presence.deregister() }

// NewToken returns the value of a new session cookie, which is 32 random bytes. It returns an error if
// there is no randomness (threat D6).
func NewToken() (string, error) {
	raw := make([]byte, record.TokenSize)
	if _, err := io.ReadFull(rand.Reader, raw); err != nil {
		return "", autherr.Misconfigured.New("no_randomness", err)
	}
	return base64.RawURLEncoding.EncodeToString(raw), nil
}

// Load returns the session of a cookie's token, or nil if there is none. It extends the session unless
// the request is passive.
func (s *Store) Load(ctx context.Context, token string, passive bool) (*Session, error) {
	id, ok := record.SessionID(token)
	if !ok || s.ended.Has(id) {
		return nil, nil
	}
	sealed, err := s.Records.Sealed(ctx, id, record.Session)
	switch {
	case errors.Is(err, record.ErrNotFound):
		s.cache.remove(id)
		return nil, nil
	case errors.Is(err, record.ErrCorrupt):
		return nil, s.discardCorrupt(ctx, id)
	case err != nil:
		if r := s.cache.confirmed(id, s.StaleOnOutage); r != nil && !r.session.expired() && s.accepts(ctx, r) {
			return r.session, nil
		}
		return nil, autherr.StorageUnavailable(err)
	}
	r, err := s.decode(ctx, id, sealed)
	if err != nil || r == nil || !s.accepts(ctx, r) {
		return nil, err
	}
	if r.session.expired() {
		return nil, s.Discard(ctx, id)
	}
	if !passive {
		s.touch(ctx, r)
	}
	return r.session, nil
}

// Find is like Load, but takes an ID and does not extend the session. If it returns no session, ended
// reports whether the session has ended; if it has not, another app or instance may accept it.
func (s *Store) Find(ctx context.Context, id string) (found *Session, ended bool, err error) {
	if s.ended.Has(id) {
		return nil, true, nil
	}
	sealed, err := s.Records.Sealed(ctx, id, record.Session)
	switch {
	case errors.Is(err, record.ErrNotFound):
		s.cache.remove(id)
		return nil, true, nil
	case errors.Is(err, record.ErrCorrupt):
		_ = s.discardCorrupt(ctx, id) // or the next caller does
		return nil, true, nil
	case err != nil:
		return nil, false, autherr.StorageUnavailable(err)
	}
	r, err := s.decode(ctx, id, sealed)
	switch {
	case err != nil:
		return nil, true, nil //nolint:nilerr // logged, and no session
	case r == nil || !s.accepts(ctx, r):
		return nil, false, nil
	case r.session.expired():
		return nil, true, nil
	}
	return r.session, false, nil
}

// Read returns a session that has not ended, or nil. It neither caches nor extends it.
func (s *Store) Read(ctx context.Context, id string) (*Session, error) {
	if s.ended.Has(id) {
		return nil, nil
	}
	sealed, err := s.Records.Sealed(ctx, id, record.Session)
	if errors.Is(err, record.ErrNotFound) || errors.Is(err, record.ErrCorrupt) {
		return nil, nil
	}
	if err != nil {
		return nil, autherr.StorageUnavailable(err)
	}
	read, err := s.parse(id, sealed)
	if err != nil || !s.isOwn(read) || read.expired() {
		return nil, nil //nolint:nilerr // a request with its cookie reports it
	}
	return read, nil
}

// decode returns the session in sealed bytes, or nil if they are sealed with a key that this instance
// does not have.
func (s *Store) decode(ctx context.Context, id string, sealed []byte) (*remembered, error) {
	if r, ok := s.cache.get(id, sealed); ok {
		return r, nil
	}
	decoded, err := s.parse(id, sealed)
	if errors.Is(err, record.ErrUnknownKey) {
		// Leave the record alone, because another instance may already have a newer configuration.
		s.Log.LogAttrs(ctx, slog.LevelWarn, "session sealed with a key that is not in Config.Keys")
		return nil, nil
	}
	if err != nil {
		return nil, s.discardCorrupt(ctx, id)
	}
	return s.cache.add(sealed, decoded), nil
}

// parse opens a session's record. It returns either a session or an error.
func (s *Store) parse(id string, sealed []byte) (*Session, error) {
	content, err := s.Records.Open(id, record.Session, sealed)
	if err != nil {
		return nil, err
	}
	parsed := &Session{ID: id}
	if json.Unmarshal(content, parsed) != nil || parsed.User.ID == "" {
		return nil, record.ErrCorrupt
	}
	return parsed, nil
}

// isOwn reports whether a session began at this app. Sessions of versions that did not record this are
// accepted, because nothing identifies their app. The last of them ends an AbsoluteTimeout after the
// deployment.
func (s *Store) isOwn(session *Session) bool {
	return session.Origin == "" || session.Origin == s.Origin
}

// accepts reports whether an existing session is valid here. If it is not, it stays in the storage,
// because another app or instance may accept it, and the rejection is audited once.
func (s *Store) accepts(ctx context.Context, r *remembered) bool {
	var reason string
	switch {
	case !s.isOwn(r.session):
		reason = "another_app"
	case !s.Admits(r.session.User.TenantID):
		reason = "tenant_not_allowed"
	default:
		return true
	}
	if !r.rejected.Swap(true) {
		s.Telemetry.Audit(ctx, slog.LevelWarn, telemetry.EventSessionRefused, r.session.Subject(), slog.String("reason", reason))
	}
	return false
}

// touch extends a session, once per tenth of the idle timeout. If that fails, the request does not
// fail, because a later request retries long before the session ends.
func (s *Store) touch(ctx context.Context, r *remembered) {
	now := time.Now()
	last := r.touchedAt.Load()
	since := now.UnixNano() - last // negative if the clock was set back
	if (since >= 0 && since < int64(s.IdleTimeout/10)) || !r.touchedAt.CompareAndSwap(last, now.UnixNano()) {
		return
	}
	if err := s.Records.Touch(ctx, r.session.ID, s.Remaining(r.session)); err != nil {
		r.touchedAt.Store(last)
		if ctx.Err() != nil || errors.Is(err, record.ErrTouchRefused) {
			return // the caller gave up, or the first failure was logged
		}
		s.Log.LogAttrs(ctx, slog.LevelWarn, "session lifetime not extended", slog.Any("error", autherr.StorageUnavailable(err)))
		return
	}
	if s.Records.MustRelist() {
		if err := s.enlist(ctx, r.session); err != nil {
			s.Log.LogAttrs(ctx, slog.LevelWarn, "session not listed again", slog.Any("error", err))
		}
	}
	s.presence.announce(ctx)
}

// Remaining returns how long the records of a session live from now.
func (s *Store) Remaining(session *Session) time.Duration {
	return min(s.IdleTimeout, time.Until(session.User.ExpiresAt))
}
