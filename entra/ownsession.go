package entra

import "log/slog"

// MakePassive keeps a request from extending the session, if no function has used the user of the
// request yet. Otherwise it has no effect, and a warning is logged once. It is for faces, whose handler
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

// SessionFromContext returns the session of a request. It returns false if [FromContext] does, and if
// the caller has an access token. The ID of the session is the one that Sessions returns and
// SessionFilter takes, so a page can mark the current session in a list, or end all other sessions of
// the user. LastSeenAt and IdleAt are zero.
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
