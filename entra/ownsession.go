package entra

import "log/slog"

// MakePassive makes a request passive, if no function has asked for its user yet: it does not prolong
// the session. Otherwise a line in the log says once what to change. It is for a face, whose handler
// Passive calls it.
func MakePassive(c Locals) {
	v := visitOf(c)
	if v == nil || v.Passive {
		return
	}
	if v.HasLoaded() {
		s := serviceOf(v)
		s.latePassive.Do(func() {
			s.log.WarnContext(v.Exchange.Context(), "Passive runs after a function that asked for the user, so requests like this one prolong the session; "+
				"put it in front of Require and of FromContext", slog.String("path", v.Exchange.Request().Path))
		})
		return
	}
	v.Passive = true
}

// SessionFromContext returns the session of a request, or false if no user is signed in, as
// [FromContext] does, or if the caller has an access token. Its ID is the one that Sessions lists and a SessionFilter takes, so a page can
// mark the user's own session in a list, or end all others. LastSeenAt and IdleAt are zero.
func SessionFromContext(c Locals) (*SessionInfo, bool) {
	v := visitOf(c)
	if v == nil {
		return nil, false
	}
	s, err := v.Session()
	if err != nil || s == nil || s.Token != nil {
		return nil, false
	}
	return &SessionInfo{ID: s.ID, User: *userOf(&s.User), AuthenticatedAt: s.AuthenticatedAt, Browser: s.Browser}, true
}
