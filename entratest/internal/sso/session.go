// Package sso keeps the sessions of browsers at the sign-in service.
package sso

import (
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/fibermsal/fibermsal/entratest/internal/directory"
	"github.com/fibermsal/fibermsal/entratest/internal/ids"
)

// Session is one browser's session; several users may be signed in. Guarded by Sessions.mu.
type Session struct{ logins []*Login }

// Login is one account of a session. It is immutable.
type Login struct {
	Account  *directory.Account
	Sessions int    // the account's number of revocations at sign-in
	SID      string // session_state and the sid claim
	AuthTime time.Time
	ACRs     []string // authentication contexts satisfied

	session *Session
}

// Sessions are those of all browsers. They are safe for concurrent use.
type Sessions struct {
	mu       sync.Mutex // guards what follows
	byCookie map[string]*Session
	entered  map[string]bool // the sids for which the application has received a code
}

// New returns an empty store.
func New() *Sessions { return &Sessions{byCookie: map[string]*Session{}, entered: map[string]bool{}} }

// SignedIn returns the accounts of the browser's session that may still be used in these tenants.
func (s *Sessions) SignedIn(r *http.Request, tenants []*directory.Tenant) []*Login {
	s.mu.Lock()
	defer s.mu.Unlock()
	session := s.byCookie[cookieOf(r)]
	if session == nil {
		return nil
	}
	var usable []*Login
	for _, one := range session.logins {
		state := one.Account.State()
		if !state.Disabled && one.Sessions == state.Sessions && slices.Contains(tenants, one.Account.Tenant) {
			usable = append(usable, one)
		}
	}
	return usable
}

// Join adds the account to the browser's session, and creates the session if necessary. If the user
// signs in again, the session id is kept and the time is renewed.
func (s *Sessions) Join(w http.ResponseWriter, r *http.Request, a *directory.Account) *Login {
	s.mu.Lock()
	defer s.mu.Unlock()
	session := s.byCookie[cookieOf(r)]
	if session == nil {
		session = &Session{}
		id := ids.Text(43)
		s.byCookie[id] = session
		setCookie(w, r, id, 0)
	}
	login := &Login{session: session, Account: a, Sessions: a.State().Sessions, SID: ids.New(), AuthTime: time.Now()}
	session.logins = slices.DeleteFunc(slices.Clone(session.logins), func(one *Login) bool {
		if one.Account == a && one.Sessions == login.Sessions {
			login.SID, login.ACRs = one.SID, one.ACRs
		}
		return one.Account == a
	})
	session.logins = append(session.logins, login)
	return login
}

// StepUp records that the account has satisfied these authentication contexts.
func (s *Sessions) StepUp(login *Login, contexts []string) *Login {
	s.mu.Lock()
	defer s.mu.Unlock()
	stronger := *login
	stronger.ACRs = slices.Concat(login.ACRs, contexts)
	slices.Sort(stronger.ACRs)
	stronger.ACRs = slices.Compact(stronger.ACRs)
	logins := slices.Clone(login.session.logins)
	if i := slices.Index(logins, login); i >= 0 {
		logins[i] = &stronger
		login.session.logins = logins
	}
	return &stronger
}

// Enter records that the application is about to receive a code for the login.
func (s *Sessions) Enter(login *Login) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.entered[login.SID] = true
}

// Leave signs the given account out of the browser's session, or all accounts if it is nil. It returns
// the logins for which the application has received codes.
func (s *Sessions) Leave(w http.ResponseWriter, r *http.Request, a *directory.Account) []*Login {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := cookieOf(r)
	session := s.byCookie[id]
	if session == nil {
		return nil
	}
	var entered []*Login
	session.logins = slices.DeleteFunc(slices.Clone(session.logins), func(one *Login) bool {
		leaves := a == nil || one.Account == a
		if leaves && s.entered[one.SID] {
			entered = append(entered, one)
			delete(s.entered, one.SID)
		}
		return leaves
	})
	if len(session.logins) == 0 {
		delete(s.byCookie, id)
		setCookie(w, r, "", -1)
	}
	return entered
}
