package session

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/record"
)

// Creation describes a session that a sign-in begins.
type Creation struct {
	Session *Session
	Tokens  []byte // MSAL's cache
	// Began is when the sign-in began. If sessions of the user were ended after that, the session must
	// not begin.
	Began time.Time
	// Replaced are the IDs of the sessions that end when this one has begun. Readable contains those
	// that could be read. They do not count towards the user's limit.
	Replaced []string
	Readable map[string]*Session
}

// Replace stores a new session and its tokens, ends the sessions that it replaces, and returns the
// cookie's token. The new session is stored first, so that a crash in between leaves one session too
// many rather than none. If Replace fails, the new session is ended.
func (s *Store) Replace(ctx context.Context, c *Creation) (token string, err error) {
	if token, err = NewToken(); err != nil {
		return "", err
	}
	c.Session.ID, _ = record.SessionID(token)
	if err = s.create(ctx, c); err == nil {
		s.presence.announce(ctx)
		err = s.discardReplaced(ctx, c)
	}
	if err != nil {
		return "", errors.Join(err, s.End(ctx, c.Session.ID))
	}
	return token, nil
}

func (s *Store) discardReplaced(ctx context.Context, c *Creation) error {
	for _, id := range c.Replaced {
		if err := s.Discard(ctx, id); err != nil {
			return err
		}
	}
	for _, old := range c.Readable {
		s.Delist(ctx, old)
	}
	return nil
}

func (s *Store) create(ctx context.Context, c *Creation) error {
	content, err := json.Marshal(c.Session)
	if err != nil {
		return err
	}
	allowed := s.MaxPerUser
	for _, old := range c.Readable {
		if c.Session.SameUser(old) {
			allowed++
		}
	}
	excess, err := s.Records.Create(ctx, c.Session.ID, &record.Creation{
		Session: content, Tokens: c.Tokens, TTL: s.Remaining(c.Session),
		Until: c.Session.User.ExpiresAt, Max: allowed, Labels: c.Session.markedLabels(), Own: c.Session.ownLabels(),
		Began: c.Began, Scopes: []record.Label{tenantLabel(c.Session.User.TenantID)},
	})
	switch {
	case errors.Is(err, record.ErrEnded):
		s.Delist(ctx, c.Session)
		return errEndedMeanwhile
	case err != nil:
		return autherr.StorageUnavailable(err)
	}
	return s.endExcess(ctx, c.Session, excess)
}

// Readable returns the sessions with these IDs that can be read, by ID.
func (s *Store) Readable(ctx context.Context, ids ...string) map[string]*Session {
	sessions := make(map[string]*Session)
	for _, id := range ids {
		if id == "" || sessions[id] != nil {
			continue
		}
		if read, err := s.Read(ctx, id); err == nil && read != nil {
			sessions[id] = read
		}
	}
	return sessions
}
