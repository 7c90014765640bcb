package fibermsal

import "errors"

// ForgetSessions does to the remembered sessions what very many others would.
func (a *Auth) ForgetSessions() {
	a.sessions.mu.Lock()
	defer a.sessions.mu.Unlock()
	for a.sessions.lru.Len() > 0 {
		a.sessions.lru.RemoveOldest()
	}
}

// BreakRandomness has no random numbers come any more.
func (a *Auth) BreakRandomness() { a.rand = exhausted{} }

type exhausted struct{}

func (exhausted) Read([]byte) (int, error) { return 0, errors.New("no entropy") }

// NewSessionID makes the value of a session cookie as a sign-in does.
func (a *Auth) NewSessionID() (string, error) { return randomID(a.rand) }
