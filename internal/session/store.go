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
	// Origin is the app that new sessions belong to, and the only one whose are accepted.
	Origin string
	// Admits reports whether users of a tenant may sign in, and Tenants lists those tenants.
	// AnyTenant is set if they cannot be listed.
	Admits    func(tenant string) bool
	Tenants   func(context.Context) ([]string, error)
	AnyTenant bool

	IdleTimeout, AbsoluteTimeout time.Duration
	// StaleOnOutage is how long after the storage confirmed a session it is served from memory
	// while the storage fails.
	StaleOnOutage time.Duration
	MaxPerUser    int

	Log        *slog.Logger
	Telemetry  *telemetry.Telemetry
	Background *background.Group
}

// Store keeps sessions. It is safe for concurrent use.
type Store struct {
	Options
	cache    *Cache
	ended    *retryqueue.Queue[struct{}] // sessions whose records could not be deleted yet
	presence *presence
}

// ErrCorrupt is a session whose record was unreadable and has been removed.
var ErrCorrupt = errors.New("fibermsal: corrupt session")

// errEndedMeanwhile is a session that was ended while its sign-in was under way.
var errEndedMeanwhile = autherr.LoginRequired.New("session_ended", nil)

// NewStore makes a Store.
func NewStore(cache *Cache, o Options) *Store {
	s := &Store{Options: o, cache: cache, presence: newPresence(o.Records, o.Origin, o.Log)}
	s.ended = newEndedQueue(s)
	return s
}

// Cache returns the sessions that this process remembers.
func (s *Store) Cache() *Cache { return s.cache }

// Deregister removes the announcement of this instance, because it closes.
func (s *Store) Deregister() { s.presence.deregister() }

// NewToken makes the value of a session cookie: 32 random bytes, or an error (threat D6).
func NewToken() (string, error) {
	raw := make([]byte, record.TokenSize)
	if _, err := io.ReadFull(rand.Reader, raw); err != nil {
		return "", autherr.Misconfigured.New("no_randomness", err)
	}
	return base64.RawURLEncoding.EncodeToString(raw), nil
}

// Load returns the session of a cookie's token, or nil if there is none, and touches it unless the
// request is passive.
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

// Find returns a session as Load does, remembered with its tokens, but does not touch it.
// Without a session it reports whether the session has ended; if not, another app or instance
// may accept it.
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

// Read returns a session that has not ended, or nil. It neither remembers nor touches it.
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

// decode returns the session in sealed bytes, or nil if they are of a key that this instance
// does not hold.
func (s *Store) decode(ctx context.Context, id string, sealed []byte) (*remembered, error) {
	if r, ok := s.cache.get(id, sealed); ok {
		return r, nil
	}
	decoded, err := s.parse(id, sealed)
	if errors.Is(err, record.ErrUnknownKey) {
		// Another instance may be one deploy ahead: leave the record alone.
		s.Log.LogAttrs(ctx, slog.LevelWarn, "session sealed with a key that is not in Config.Keys")
		return nil, nil
	}
	if err != nil {
		return nil, s.discardCorrupt(ctx, id)
	}
	return s.cache.add(sealed, decoded), nil
}

// parse opens a session's record. Without an error there is a session.
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

// isOwn reports whether a session began at this app. Sessions of versions that did not record
// it are accepted, because nothing identifies their app; the last of them ends an
// AbsoluteTimeout after the deployment.
func (s *Store) isOwn(session *Session) bool {
	return session.Origin == "" || session.Origin == s.Origin
}

// accepts reports whether a session that exists is valid here. One that is not stays in the
// storage, because another app or instance may accept it. The rejection is audited once.
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

// touch extends a session's life, once per tenth of the idle timeout. A failure does not fail
// the request: a later one retries, long before the session ends.
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
