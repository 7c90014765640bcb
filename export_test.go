package fibermsal

// ForgetSessions does to the remembered sessions what very many others would.
func (a *Auth) ForgetSessions() {
	a.sessions.mu.Lock()
	defer a.sessions.mu.Unlock()
	for a.sessions.lru.Len() > 0 {
		a.sessions.lru.RemoveOldest()
	}
}
