package entratest

import (
	"net/http"
	"slices"
	"time"
)

// ssoCookie is the browser's session at the sign-in service.
const ssoCookie = "ESTSAUTH"

// ssoSession is one browser's session; several people may be signed in. Guarded by Server.mu.
type ssoSession struct{ accounts []*ssoAccount }

// ssoAccount is one of them. It is immutable.
type ssoAccount struct {
	session  *ssoSession
	account  *account
	sessions int    // account.sessions at sign-in
	sid      string // session_state and the sid claim
	authTime time.Time
	acrs     []string // authentication contexts satisfied
}

// signedIn returns the accounts of the browser's session that may still be used in these tenants.
func (s *Server) signedIn(r *http.Request, tenants []*tenant) []*ssoAccount {
	s.mu.Lock()
	defer s.mu.Unlock()
	session := s.sso[cookieOf(r)]
	if session == nil {
		return nil
	}
	var alive []*ssoAccount
	for _, one := range session.accounts {
		a := one.account
		if !a.disabled && one.sessions == a.sessions && slices.Contains(tenants, a.tenant) {
			alive = append(alive, one)
		}
	}
	return alive
}

// joinSession adds the account to the browser's session, making one if need be. Signing in anew keeps the
// session id and renews the time.
func (s *Server) joinSession(w http.ResponseWriter, r *http.Request, a *account) *ssoAccount {
	s.mu.Lock()
	defer s.mu.Unlock()
	session := s.sso[cookieOf(r)]
	if session == nil {
		session = &ssoSession{}
		id := randomText(43)
		s.sso[id] = session
		setSessionCookie(w, r, id, 0)
	}
	who := &ssoAccount{session: session, account: a, sessions: a.sessions, sid: newGUID(), authTime: time.Now()}
	session.accounts = slices.DeleteFunc(slices.Clone(session.accounts), func(one *ssoAccount) bool {
		if one.account == a && one.sessions == a.sessions {
			who.sid, who.acrs = one.sid, one.acrs
		}
		return one.account == a
	})
	session.accounts = append(session.accounts, who)
	return who
}

// stepUp notes that the account has satisfied these authentication contexts.
func (s *Server) stepUp(who *ssoAccount, contexts []string) *ssoAccount {
	s.mu.Lock()
	defer s.mu.Unlock()
	stronger := *who
	stronger.acrs = slices.Concat(who.acrs, contexts)
	slices.Sort(stronger.acrs)
	stronger.acrs = slices.Compact(stronger.acrs)
	accounts := slices.Clone(who.session.accounts)
	if i := slices.Index(accounts, who); i >= 0 {
		accounts[i] = &stronger
		who.session.accounts = accounts
	}
	return &stronger
}

// leaveSession signs accounts out of the browser's session: the given one, or with nil all. It returns those
// that the application knows of.
func (s *Server) leaveSession(w http.ResponseWriter, r *http.Request, a *account) []*ssoAccount {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := cookieOf(r)
	session := s.sso[id]
	if session == nil {
		return nil
	}
	var known []*ssoAccount
	session.accounts = slices.DeleteFunc(slices.Clone(session.accounts), func(one *ssoAccount) bool {
		leaves := a == nil || one.account == a
		if leaves && s.entered[one.sid] {
			known = append(known, one)
			delete(s.entered, one.sid)
		}
		return leaves
	})
	if len(session.accounts) == 0 {
		delete(s.sso, id)
		setSessionCookie(w, r, "", -1)
	}
	return known
}

func cookieOf(r *http.Request) string {
	c, err := r.Cookie(ssoCookie)
	if err != nil {
		return ""
	}
	return c.Value
}

// setSessionCookie sends the cookie as Entra does, SameSite=None and Secure; on the plain http of the
// loopback listener, where Secure is not for every browser, Lax: people arrive by navigation.
func setSessionCookie(w http.ResponseWriter, r *http.Request, value string, maxAge int) {
	c := &http.Cookie{Name: ssoCookie, Value: value, Path: "/", MaxAge: maxAge, HttpOnly: true}
	if overPlainHTTP(r) {
		c.SameSite = http.SameSiteLaxMode
	} else {
		c.SameSite, c.Secure = http.SameSiteNoneMode, true
	}
	http.SetCookie(w, c)
}
