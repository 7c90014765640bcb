package graphapi

import (
	"net/http"
	"slices"
	"strings"

	"github.com/fibermsal/fibermsal/entratest/internal/directory"
	"github.com/fibermsal/fibermsal/entratest/internal/issuer"
)

// permissions are the permissions that a call requires: all of own for calls about the token's own
// user, and all of other for calls about another user. The application itself never counts as the user.
type permissions struct{ own, other []string }

var readUser = permissions{own: []string{"User.Read"}, other: []string{"User.Read.All"}}

// call authenticates and authorizes a request and finds the user that it is about. If the request is
// refused, call writes the response and returns nil.
func (a *API) call(w http.ResponseWriter, r *http.Request, method, path string, need permissions) (*issuer.AccessToken, *directory.Account) {
	setHeaders(w.Header(), r)
	t, fail := a.authenticate(r, path)
	var about *directory.Account
	if fail == nil {
		about, fail = subject(t, path, need)
	}
	if fail == nil && a.hidesRelations(t, path) {
		fail = unprivileged()
	}
	if fail == nil && r.Method != method {
		fail = &failure{status: http.StatusMethodNotAllowed, code: "Request_BadRequest", message: "Specified HTTP method is not allowed for the request target."}
	}
	if fail != nil {
		fail.write(w)
		return nil, nil
	}
	return t, about
}

// hidesRelations reports whether the path is about managers or groups, which customers of an External ID tenant
// cannot see: user flows permit User.Read alone.
func (a *API) hidesRelations(t *issuer.AccessToken, path string) bool {
	_, _, rest := split(path)
	first, _, _ := strings.Cut(rest, "/")
	return a.origins.External && t.Account != nil && belowUser[first] != nil && !strings.HasPrefix(first, "photo")
}

// get is like call, but for GET requests and for handlers that need only the user.
func (a *API) get(w http.ResponseWriter, r *http.Request, path string, need permissions) *directory.Account {
	_, about := a.call(w, r, http.MethodGet, path, need)
	return about
}

// subject finds the account that the path begins with, me or users/{id}, and checks the permissions.
func subject(t *issuer.AccessToken, path string, need permissions) (*directory.Account, *failure) {
	first, id, _ := split(path)
	about, names := t.Account, need.own
	switch {
	case first == "users":
		if about = t.Tenant.Named(id); about == nil {
			return nil, notFound(id)
		}
		if about != t.Account {
			names = need.other
		}
	case about == nil:
		return nil, badQuery("/me request is only valid with delegated authentication flow.")
	}
	for _, name := range names {
		if !permits(t.Names, name) {
			return nil, unprivileged()
		}
	}
	return about, nil
}

// split splits a path below /v1.0/: me or users, the id after users, and the path below the user.
func split(path string) (first, id, rest string) {
	first, rest, _ = strings.Cut(path, "/")
	if first == "users" {
		id, rest, _ = strings.Cut(rest, "/")
	}
	return first, id, rest
}

// larger lists the permissions that contain another.
var larger = map[string][]string{
	"User.Read":            {"User.ReadWrite", "User.Read.All", "User.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"},
	"User.Read.All":        {"User.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"},
	"User.ReadBasic.All":   {"User.Read.All", "User.ReadWrite.All"},
	"GroupMember.Read.All": {"Group.Read.All", "Group.ReadWrite.All", "Directory.Read.All"},
}

func permits(names []string, scope string) bool {
	return slices.Contains(names, scope) || slices.ContainsFunc(larger[scope], func(l string) bool { return slices.Contains(names, l) })
}
