package entra

// MakePassive makes a request passive, if no function has asked for its user yet: it does not prolong
// the session. It is for a face, whose handler Passive calls it.
func MakePassive(c Locals) {
	if v := visitOf(c); v != nil {
		v.Passive = true
	}
}

// SessionFromContext returns the session of a request, or false if no user is signed in, as
// [FromContext] does. Its ID is the one that Sessions lists and a SessionFilter takes, so a page can
// mark the user's own session in a list, or end all others. LastSeenAt and IdleAt are zero.
func SessionFromContext(c Locals) (*SessionInfo, bool) {
	v := visitOf(c)
	if v == nil {
		return nil, false
	}
	s, err := v.Session()
	if err != nil || s == nil {
		return nil, false
	}
	return &SessionInfo{ID: s.ID, User: *userOf(&s.User), AuthenticatedAt: s.AuthenticatedAt, Browser: s.Browser}, true
}
