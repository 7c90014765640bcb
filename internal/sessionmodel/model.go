package sessionmodel

import (
	"fmt"
	"time"
)

// Limits are the timeouts of sessions.
type Limits struct {
	Idle, Absolute time.Duration
	// Slack is how much later than promised a storage may remove a record, and how long a request may take.
	Slack time.Duration
}

// touchSteps is the number of steps in which the end of an idle session moves during an idle timeout.
const touchSteps = 10

// Session contains what is known about a session. Requests overlap, so some facts are only bounds. For
// example, while a sign-out is in progress, or after the storage has lost its reply, the session may or
// may not have ended.
type Session struct {
	User  int
	Name  string // for messages
	begun time.Time

	// touchedFrom and touchedTo bound when the session was last prolonged.
	touchedFrom, touchedTo time.Time
	// touchedBefore is the value of touchedFrom before a request raised it at touchAt. A fault shortly
	// afterwards reverts that, because the request may have relied on another one to prolong the
	// session.
	touchedBefore, touchAt time.Time
	// mayEnd is the time at which the first operation that may have ended the session began. ended is
	// the time at which such an operation had reported success. Both may be zero.
	mayEnd, ended time.Time
	// ending are the instances that have promised to end the session when the storage is back.
	ending map[int]time.Time
}

// Model is the state of all sessions. The methods return an error if what was observed is not allowed. It is not
// safe for concurrent use.
type Model struct {
	Limits   Limits
	sessions []*Session
	endings  []*Ending
	revoked  map[int]time.Time // by user, at Entra
}

// Ending is an operation that ends all sessions of a user.
type Ending struct {
	user       int
	began, end time.Time
	succeeded  bool
}

// Outcome is the kind of response to a request.
type Outcome int

// The outcomes of requests.
const (
	SignedIn    Outcome = iota + 1 // as the user of the session
	SignedOut                      // without a user, or with the request to sign in
	Unavailable                    // 503
	OtherUser                      // as another user
	Unexpected                     // anything else
)

// String returns the name of an outcome.
func (o Outcome) String() string {
	return [...]string{"nothing", "signed in", "signed out", "unavailable", "another user", "unexpected"}[o]
}

// Seen is an observed request.
type Seen struct {
	Session    *Session
	Instance   int
	Begin, End time.Time
	Outcome    Outcome
	// StorageFailed and EntraFailed are set if they failed for this instance during the request, or so shortly
	// before that the instance still pauses.
	StorageFailed, EntraFailed bool
}

// New returns a Model without sessions.
func New(limits Limits) *Model { return &Model{Limits: limits, revoked: make(map[int]time.Time)} }

// Sessions returns all sessions, also those that have ended.
func (m *Model) Sessions() []*Session { return m.sessions }

// SignedIn adds the session of a sign-in that succeeded.
func (m *Model) SignedIn(user int, begin, end time.Time) *Session {
	s := &Session{
		User: user, Name: fmt.Sprintf("session %d of user %d", len(m.sessions), user), begun: begin,
		touchedFrom: begin, touchedBefore: begin, touchedTo: end, ending: make(map[int]time.Time),
	}
	m.sessions = append(m.sessions, s)
	for _, e := range m.endings {
		if e.user == user && !e.began.Before(begin) {
			m.settle(s, e)
		} else if e.user == user && (e.end.IsZero() || e.end.After(begin)) {
			s.MayEnd(e.began) // before the session began: it may or may not have been noticed
		}
	}
	return s
}

// MayRefuse reports whether a sign-in may be refused because sessions of its user were being ended.
func (m *Model) MayRefuse(user int, begin time.Time) bool {
	for _, e := range m.endings {
		if e.user == user && (e.end.IsZero() || e.end.After(begin)) {
			return true
		}
	}
	return false
}

// MayEnd records that an operation has begun that ends the session if it succeeds.
func (s *Session) MayEnd(at time.Time) {
	if s.mayEnd.IsZero() || at.Before(s.mayEnd) {
		s.mayEnd = at
	}
}

// End records that an operation that ends the session has reported success.
func (s *Session) End(at time.Time) {
	s.MayEnd(at)
	if s.ended.IsZero() || at.Before(s.ended) {
		s.ended = at
	}
}

// Promise records that an instance could not end the session in the storage. The session has ended for
// this instance, and ends for the others when the storage works again.
func (s *Session) Promise(instance int, at time.Time) {
	s.MayEnd(at)
	if _, already := s.ending[instance]; !already {
		s.ending[instance] = at
	}
}

// BeginEnding records that all sessions of a user are being ended.
func (m *Model) BeginEnding(user int, at time.Time) *Ending {
	e := &Ending{user: user, began: at}
	m.endings = append(m.endings, e)
	for _, s := range m.sessions {
		if s.User == user {
			s.MayEnd(at)
		}
	}
	return e
}

// FinishEnding records the end of the operation that BeginEnding recorded.
func (m *Model) FinishEnding(e *Ending, at time.Time, succeeded bool) {
	e.end, e.succeeded = at, succeeded
	for _, s := range m.sessions {
		if s.User == e.user && !s.begun.After(e.began) {
			m.settle(s, e)
		}
	}
}

// settle applies an ending to a session that began before.
func (m *Model) settle(s *Session, e *Ending) {
	s.MayEnd(e.began)
	if e.succeeded {
		s.End(e.end)
	}
}

// Revoked records that an administrator has revoked a user's refresh tokens.
func (m *Model) Revoked(user int, at time.Time) { m.revoked[user] = at }

// Crashed records that an instance has lost its memory, and with it its promises.
func (m *Model) Crashed(instance int) {
	for _, s := range m.sessions {
		delete(s.ending, instance)
	}
}

// touchTime is how long prolonging a session may take.
const touchTime = 5 * time.Second

// Disturbed records that an instance has crashed or that an operation of the storage has failed. The
// operation may have been one that prolonged a session.
func (m *Model) Disturbed(at time.Time) {
	for _, s := range m.sessions {
		if at.Sub(s.touchAt) < touchTime {
			s.touchedFrom = s.touchedBefore
		}
	}
}

// Recovered records that the storage has been working for long enough to keep the promises.
func (m *Model) Recovered(at time.Time) {
	for _, s := range m.sessions {
		if len(s.ending) > 0 {
			s.End(at)
		}
	}
}
