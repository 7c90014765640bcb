package sessionmodel

import (
	"fmt"
	"time"
)

// mustBeOver reports whether no request that begins at a time may be served for the session.
func (m *Model) mustBeOver(s *Session, instance int, begin time.Time) bool {
	promised, hasPromised := s.ending[instance]
	return !s.ended.IsZero() && begin.After(s.ended) ||
		hasPromised && begin.After(promised) ||
		begin.After(s.touchedTo.Add(m.Limits.Idle+m.Limits.Slack)) ||
		begin.After(s.begun.Add(m.Limits.Absolute+m.Limits.Slack))
}

// mustBeAlive reports whether a request that ends at a time must be served for the session.
func (m *Model) mustBeAlive(s *Session, end time.Time) bool {
	return (s.mayEnd.IsZero() || end.Before(s.mayEnd)) &&
		end.Before(s.touchedFrom.Add(m.Limits.Idle-m.Limits.Slack)) &&
		end.Before(s.begun.Add(m.Limits.Absolute-m.Limits.Slack))
}

// Visited checks a request that asked for its user.
func (m *Model) Visited(seen *Seen) error {
	s := seen.Session
	switch {
	case seen.Outcome == OtherUser || seen.Outcome == Unexpected:
		return fmt.Errorf("%s: a request was answered as %v", s.Name, seen.Outcome)
	case seen.Outcome == Unavailable && !seen.StorageFailed:
		return fmt.Errorf("%s: 503 although the storage works", s.Name)
	case seen.Outcome == SignedIn && m.mustBeOver(s, seen.Instance, seen.Begin):
		return fmt.Errorf("%s: it was resurrected", s.Name)
	case seen.Outcome == SignedOut && m.mustBeAlive(s, seen.End):
		return fmt.Errorf("%s: its user was signed out (the storage failed: %v)", s.Name, seen.StorageFailed)
	}
	m.prolong(seen)
	return nil
}

// prolong records that a served request has prolonged its session. The new end is based on the
// request's own time at most, because prolonging may have failed without failing the request. It is at
// least that time minus one step, because another request may have prolonged the session before.
func (m *Model) prolong(seen *Seen) {
	s := seen.Session
	m.MayProlong(s, seen.Instance, seen.Begin, seen.End)
	if from := seen.Begin.Add(-m.Limits.Idle / touchSteps); seen.Outcome == SignedIn && !seen.StorageFailed && from.After(s.touchedFrom) {
		if seen.End.Sub(s.touchAt) >= touchTime {
			s.touchedBefore = s.touchedFrom
		}
		s.touchedFrom, s.touchAt = from, seen.End
	}
}

// MayProlong records that a request may have prolonged its session, regardless of the response.
func (m *Model) MayProlong(s *Session, instance int, begin, end time.Time) {
	if !m.mustBeOver(s, instance, begin) && end.After(s.touchedTo) {
		s.touchedTo = end
	}
}

// GotToken checks a request that asked for an access token.
func (m *Model) GotToken(seen *Seen) error {
	s := seen.Session
	failed := seen.StorageFailed || seen.EntraFailed
	switch {
	case seen.Outcome == OtherUser || seen.Outcome == Unexpected:
		return fmt.Errorf("%s: a token: %v", s.Name, seen.Outcome)
	case seen.Outcome == Unavailable && !failed:
		return fmt.Errorf("%s: no token although storage and Entra work", s.Name)
	case seen.Outcome == SignedIn && m.mustBeOver(s, seen.Instance, seen.Begin):
		return fmt.Errorf("%s: it was resurrected by a token", s.Name)
	case seen.Outcome == SignedOut && m.mustBeAlive(s, seen.End) && !m.wasRevoked(s, seen.End):
		return fmt.Errorf("%s: no token but a new sign-in (the storage failed: %v, Entra failed: %v)", s.Name, seen.StorageFailed, seen.EntraFailed)
	}
	m.prolong(seen)
	return nil
}

// wasRevoked reports whether the session's refresh tokens were revoked.
func (m *Model) wasRevoked(s *Session, by time.Time) bool {
	at, ok := m.revoked[s.User]
	return ok && !at.Before(s.begun) && !at.After(by)
}

// MustRemain reports whether the session must still be in the storage at a time.
func (m *Model) MustRemain(s *Session, at time.Time) bool { return m.mustBeAlive(s, at) }

// MustBeGone reports whether nothing of the session may be in the storage at a time.
func (m *Model) MustBeGone(s *Session, at time.Time) bool { return m.mustBeOver(s, noInstance, at) }

// noInstance has promised nothing.
const noInstance = -1
