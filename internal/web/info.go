package web

import (
	"encoding/json"
	"time"
)

// userInfo handles GET /user/info. It lists its fields explicitly, so that nothing else of a
// session is disclosed (threat C7).
func (h *routeHandler) userInfo() error {
	s, err := h.visit.Session()
	if err != nil {
		return err
	}
	if s == nil {
		return h.writeJSON(map[string]any{"authenticated": false})
	}
	u := &s.User
	answer := make(map[string]any)
	for name, value := range u.Values {
		answer[name] = value
	}
	for name, value := range h.hooks.Info() {
		answer[name] = value
	}
	for name, value := range map[string]any{
		"authenticated": true, "name": u.Name, "mail": u.Mail, "upn": u.Username,
		"tid": u.TenantID, "oid": u.ID, "roles": append([]string{}, u.Roles...), // never null
		"session": map[string]any{
			"signed_in_at": u.SignedInAt.UTC(), "expires_at": u.ExpiresAt.UTC(),
			"idle_timeout": int(h.Sessions.IdleTimeout / time.Second),
		},
	} {
		answer[name] = value // the library's fields take precedence over the app's
	}
	return h.writeJSON(answer)
}

func (h *routeHandler) writeJSON(value any) error {
	body, err := json.Marshal(value)
	if err != nil {
		return err
	}
	h.out.Header.Set("Content-Type", "application/json")
	h.out.Body = body
	return nil
}
