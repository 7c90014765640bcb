package graphapi

import (
	"net/http"

	"github.com/fibermsal/fibermsal/entratest/internal/issuer"
	"github.com/fibermsal/fibermsal/entratest/internal/scopes"
)

// ServeUserInfo is the userinfo endpoint of OpenID Connect Core, 5.3, with the same claims as Entra's
// (userinfo.md of the identity platform's documentation).
func (a *API) ServeUserInfo(w http.ResponseWriter, r *http.Request, path string) {
	setHeaders(w.Header(), r)
	t, fail := a.authenticate(r, path)
	switch {
	case fail != nil:
	case r.Method != http.MethodGet && r.Method != http.MethodPost:
		fail = &failure{status: http.StatusMethodNotAllowed, code: "Request_BadRequest", message: "Specified HTTP method is not allowed for the request target."}
	case t.Account == nil || !grants(t, "openid"):
		fail = unprivileged()
	}
	if fail != nil {
		fail.write(w)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_, _ = w.Write(encodeObject(a.userInfo(t))) // fails only if the client has gone
}

// userInfo contains the claims of the token's user. sub is that of the ID token, because otherwise
// clients must refuse the response.
func (a *API) userInfo(t *issuer.AccessToken) []property {
	out := []property{{"sub", a.issuer.Subject(t.Account)}}
	add := func(name, value string) {
		if value != "" {
			out = append(out, property{name, value})
		}
	}
	if grants(t, "profile") {
		add("name", t.Account.DisplayName)
		add("family_name", t.Account.Surname)
		add("given_name", t.Account.GivenName)
		add("picture", a.origins.GraphURL()+"/me/photo/$value")
	}
	if grants(t, "email") {
		add("email", t.Account.Mail)
	}
	return out
}

// grants reports whether the token comes with an OpenID Connect scope. entra: a token contains all that is
// consented to, requested or not.
func grants(t *issuer.AccessToken, name string) bool {
	return scopes.Has(t.Scopes, name) || t.Account.Granted()[name]
}
