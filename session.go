package fibermsal

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"time"

	"github.com/fibermsal/fibermsal/internal/record"
)

// session is a user's session. It is immutable, and shared by the requests that
// carry its cookie.
type session struct {
	User User `json:"user"`
	// Origin is the app that the session began at, see [settings.sessionOrigin]. Sessions of
	// versions before this field have none.
	Origin string `json:"origin,omitempty"`
	// Account is MSAL's home account id, under which the tokens are filed.
	Account string `json:"account"`
	// LoginHint lets Entra know at sign-out which account it is.
	LoginHint string `json:"hint,omitempty"`
	// EntraSession is the sid of the browser's session with Entra, if Entra told it.
	EntraSession string `json:"sid,omitempty"`
	// Scopes are those that were granted, of the resource that Config.Scopes name.
	Scopes []string `json:"scopes,omitempty"`
	// AuthenticatedAt is when the user last proved who they are; zero is unknown.
	AuthenticatedAt time.Time `json:"auth_time,omitzero"`
	// AuthContexts are the authentication contexts that the user has stepped up to, and
	// until when that counts.
	AuthContexts map[string]time.Time `json:"acrs,omitempty"`
	// Groups are the object ids of the user's groups, if the registration adds them.
	// Of a user with too many Entra says that they are elsewhere.
	Groups          []string `json:"groups,omitempty"`
	GroupsElsewhere bool     `json:"overage,omitempty"`

	// Browser is the family of the browser that signed in, if Config asks for it.
	Browser string `json:"browser,omitempty"`

	recordName string
}

// steppedUp reports whether the user has stepped up to an authentication context.
func (s *session) steppedUp(id string) bool {
	return time.Now().Before(s.AuthContexts[id])
}

// inherit takes over what the user has proven in the session that this one replaces,
// and which the id_token of a sign-in for something else does not repeat. It counts no
// longer than it would have.
func (s *session) inherit(old *session) {
	if old == nil || !s.sameUser(old) {
		return
	}
	for id, until := range old.AuthContexts {
		if _, again := s.AuthContexts[id]; !again && time.Now().Before(until) {
			s.AuthContexts[id] = until
		}
	}
	if s.AuthenticatedAt.IsZero() {
		s.AuthenticatedAt = old.AuthenticatedAt
	}
}

func (s *session) sameUser(other *session) bool {
	return s.User.ID == other.User.ID && s.User.TenantID == other.User.TenantID
}

// errCorruptSession says that a session's record is unreadable and was removed.
var errCorruptSession = errors.New("fibermsal: corrupt session")

// randomID makes the value of a session cookie: 32 random bytes or none (threat
// D6).
func randomID(random io.Reader) (string, error) {
	raw := make([]byte, record.IDSize)
	if _, err := io.ReadFull(random, raw); err != nil {
		return "", ErrMisconfigured.because("no_randomness", err)
	}
	return base64.RawURLEncoding.EncodeToString(raw), nil
}

// load returns the session of a cookie value, or nil if there is none.
func (a *Auth) load(ctx context.Context, id string) (*session, error) {
	name, ok := record.Name(id)
	if !ok || a.ended.has(name) {
		return nil, nil
	}
	box, err := a.records.Sealed(ctx, name, record.Session)
	switch {
	case errors.Is(err, record.ErrNotFound):
		a.sessions.remove(name)
		return nil, nil
	case errors.Is(err, record.ErrCorrupt):
		return nil, a.discardCorrupt(ctx, name)
	case err != nil:
		if r := a.sessions.confirmed(name, a.cfg.StaleSessionsOnOutage); r != nil && time.Now().Before(r.session.User.ExpiresAt) && a.accepts(ctx, r) {
			return r.session, nil
		}
		return nil, storageUnavailable(err)
	}
	r, err := a.decode(ctx, name, box)
	if err != nil || r == nil || !a.accepts(ctx, r) {
		return nil, err
	}
	if !time.Now().Before(r.session.User.ExpiresAt) {
		return nil, a.discard(ctx, name)
	}
	a.touch(ctx, r)
	return r.session, nil
}

func (a *Auth) decode(ctx context.Context, name string, box []byte) (*rememberedSession, error) {
	if r, ok := a.sessions.get(name, box); ok {
		return r, nil
	}
	s, err := a.parse(name, box)
	if errors.Is(err, record.ErrUnknownKey) {
		// Another instance may be one deploy ahead: leave the record alone.
		a.log.LogAttrs(ctx, slog.LevelWarn, "session sealed with a key that is not in Config.Keys")
		return nil, nil
	}
	if err != nil {
		return nil, a.discardCorrupt(ctx, name)
	}
	return a.sessions.add(box, s), nil
}

// discardCorrupt removes a record that is no session, so that it fails once and not for
// ever (threat E11).
func (a *Auth) discardCorrupt(ctx context.Context, name string) error {
	a.audit(ctx, slog.LevelWarn, auditSealMismatch, nil, slog.String("reason", "seal_mismatch"), auditedSession(name))
	return errors.Join(errCorruptSession, a.discard(ctx, name))
}

// parse opens a session's record. Without an error there is a session.
func (a *Auth) parse(name string, box []byte) (*session, error) {
	content, err := a.records.Open(name, record.Session, box)
	if err != nil {
		return nil, err
	}
	s := &session{recordName: name}
	if json.Unmarshal(content, s) != nil || s.User.ID == "" {
		return nil, record.ErrCorrupt
	}
	return s, nil
}

// touch slides the end of a session, once per tenth of the idle time. A failure is not the
// request's: a later one tries again, long before the session ends.
func (a *Auth) touch(ctx context.Context, r *rememberedSession) {
	now := time.Now()
	last := r.touchedAt.Load()
	since := now.UnixNano() - last // negative if the clock was set back
	if (since >= 0 && since < int64(a.cfg.IdleTimeout/10)) || !r.touchedAt.CompareAndSwap(last, now.UnixNano()) {
		return
	}
	if err := a.records.Touch(ctx, r.session.recordName, a.remaining(r.session)); err != nil {
		r.touchedAt.Store(last)
		if ctx.Err() != nil || errors.Is(err, record.ErrTouchRefused) {
			return // the caller gave up, or the first failure was logged
		}
		a.log.LogAttrs(ctx, slog.LevelWarn, "session not prolonged", slog.Any("error", storageUnavailable(err)))
		return
	}
	if a.records.ListsFade() {
		if err := a.enlist(ctx, r.session); err != nil {
			a.log.LogAttrs(ctx, slog.LevelWarn, "session not listed again", slog.Any("error", err))
		}
	}
	a.introduce(ctx)
}

// remaining is how long the records of a session live from now.
func (a *Auth) remaining(s *session) time.Duration {
	return min(a.cfg.IdleTimeout, time.Until(s.User.ExpiresAt))
}

// errEndedMeanwhile says that a session was ended while its sign-in was under way.
var errEndedMeanwhile = ErrLoginRequired.because("session_ended", nil)

// create stores a new session and its tokens and returns the cookie value. Those that are
// leaving end when it has begun, and are not counted among their user's. The sign-in began
// at a time, and must not have been ended since.
func (a *Auth) create(ctx context.Context, s *session, began time.Time, tokens []byte, leaving map[string]*session) (id string, err error) {
	if id, err = randomID(a.rand); err != nil {
		return "", err
	}
	s.recordName, _ = record.Name(id)
	content, err := json.Marshal(s)
	if err != nil {
		return "", err
	}
	most := a.cfg.MaxSessionsPerUser
	for _, old := range leaving {
		if s.sameUser(old) {
			most++
		}
	}
	excess, err := a.records.Create(ctx, s.recordName, &record.Creation{
		Session: content, Tokens: tokens, TTL: a.remaining(s), Until: s.User.ExpiresAt, Most: most, Labels: s.labels(),
		Began: began, Scopes: []record.Label{tenantLabel(s.User.TenantID)},
	})
	switch {
	case errors.Is(err, record.ErrEnded):
		a.delist(ctx, s) // its records go as those of any sign-in that fails
		return "", errEndedMeanwhile
	case err != nil:
		return "", storageUnavailable(err)
	}
	if err := a.endTooMany(ctx, s, excess); err != nil {
		return "", err
	}
	a.introduce(ctx)
	return id, nil
}

// discard removes a session with its tokens. An empty name is no session.
func (a *Auth) discard(ctx context.Context, name string) error {
	if name == "" {
		return nil
	}
	a.sessions.remove(name)
	if err := a.records.Delete(ctx, name); err != nil {
		return storageUnavailable(err)
	}
	return nil
}
