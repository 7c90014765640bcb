package graphapi

import (
	"encoding/json"
	"net/http"

	"github.com/fibermsal/fibermsal/entratest/internal/directory"
	"github.com/fibermsal/fibermsal/entratest/internal/issuer"
)

func (a *API) serveUser(w http.ResponseWriter, r *http.Request, path string) {
	if t, about := a.call(w, r, http.MethodGet, path, readUser); about != nil {
		a.writeUser(w, r, sight{t, about}, "users", "")
	}
}

func (a *API) serveManager(w http.ResponseWriter, r *http.Request, path string) {
	t, about := a.call(w, r, http.MethodGet, path, permissions{own: []string{a.managerScope}, other: []string{"User.Read.All"}})
	if about == nil {
		return
	}
	manager := managerOf(about)
	if manager == nil {
		notFound(navigation).write(w)
		return
	}
	a.writeUser(w, r, sight{t, manager}, "directoryObjects", userType)
}

const userType = "#microsoft.graph.user"

// managerOf returns the manager of an account, or nil.
func managerOf(about *directory.Account) *directory.Account {
	if about.ManagerID == "" {
		return nil
	}
	return directory.Find(about.ManagerID, []*directory.Tenant{about.Tenant})
}

// sight is a user as visible to the owner of a token.
type sight struct {
	token *issuer.AccessToken
	about *directory.Account
}

// mayReadManager reports whether the token permits reading the user's manager. ownScope suffices for the
// manager of the token's user, and of that manager. Customers in an external tenant see none.
func (s sight) mayReadManager(ownScope string, external bool) bool {
	own := s.token.Account
	if own != nil && external {
		return false
	}
	if own != nil && (s.about == own || s.about == managerOf(own)) {
		return permits(s.token.Names, ownScope)
	}
	return permits(s.token.Names, "User.Read.All")
}

// defaultProperties is how many of properties come without $select.
const defaultProperties = 11

// properties are those of a Graph user: first the ones sent by default, then those sent only with $select.
func properties(u directory.User) []property {
	phones := u.BusinessPhones
	if phones == nil {
		phones = []string{}
	}
	kind := "Member"
	if u.IsGuest() {
		kind = "Guest"
	}
	return []property{
		{"businessPhones", phones},
		{"displayName", orNull(u.DisplayName)},
		{"givenName", orNull(u.GivenName)},
		{"jobTitle", orNull(u.JobTitle)},
		{"mail", orNull(u.Mail)},
		{"mobilePhone", orNull(u.MobilePhone)},
		{"officeLocation", orNull(u.OfficeLocation)},
		{"preferredLanguage", orNull(u.PreferredLanguage)},
		{"surname", orNull(u.Surname)},
		{"userPrincipalName", u.UPN},
		{"id", u.ID},
		{"accountEnabled", true},
		{"userType", kind},
		{"department", nil},
		{"companyName", nil},
		{"employeeId", nil},
		{"usageLocation", nil},
		{"otherMails", []string{}},
		{"proxyAddresses", []string{}},
	}
}

func orNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}

// writeUser writes a user according to the query options of the request.
func (a *API) writeUser(w http.ResponseWriter, r *http.Request, seen sight, set, kind string) {
	q, fail := readUserQuery(r)
	if fail == nil && q.manager != nil && !seen.mayReadManager(a.managerScope, a.origins.External) {
		fail = unprivileged()
	}
	if fail != nil {
		fail.write(w)
		return
	}
	object := []property{{"@odata.context", a.origins.GraphURL() + "/$metadata#" + set + q.context() + "/$entity"}}
	if kind != "" {
		object = append(object, property{"@odata.type", kind})
	}
	object = append(object, describe(seen.about, q.selected)...)
	if q.manager != nil {
		object = append(object, q.manager.expand(seen.about)...)
	}
	writeObject(w, object)
}

// describe returns the selected properties of a user; nil selects the default ones.
func describe(about *directory.Account, selected []string) []property {
	all := properties(about.User)
	if selected == nil {
		return all[:defaultProperties]
	}
	return pick(all, selected)
}

// expand is the manager as a property, if there is one.
func (q *managerQuery) expand(about *directory.Account) []property {
	manager := managerOf(about)
	if manager == nil || q.levels == 0 {
		return nil
	}
	object := append([]property{{"@odata.type", userType}}, describe(manager, q.selected)...)
	above := managerQuery{selected: q.selected, levels: q.levels - 1}
	return []property{{navigation, json.RawMessage(encodeObject(append(object, above.expand(manager)...)))}}
}
