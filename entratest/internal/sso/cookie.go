package sso

import (
	"net/http"

	"github.com/fibermsal/fibermsal/entratest/internal/wire"
)

const cookieName = "ESTSAUTH"

func cookieOf(r *http.Request) string {
	c, err := r.Cookie(cookieName)
	if err != nil {
		return ""
	}
	return c.Value
}

// setCookie sends the cookie as Entra does, SameSite=None and Secure. On the plain http of the loopback
// listener, where not every browser accepts Secure, it is Lax, which suffices because users arrive by
// navigation.
func setCookie(w http.ResponseWriter, r *http.Request, value string, maxAge int) {
	c := &http.Cookie{Name: cookieName, Value: value, Path: "/", MaxAge: maxAge, HttpOnly: true}
	if wire.IsPlain(r) {
		c.SameSite = http.SameSiteLaxMode
	} else {
		c.SameSite, c.Secure = http.SameSiteNoneMode, true
	}
	http.SetCookie(w, c)
}
