package graphapi

import (
	"net/http"
	"slices"
	"strings"

	"github.com/fibermsal/fibermsal/entratest/internal/directory"
)

func (a *API) serveUser(w http.ResponseWriter, r *http.Request, path string) {
	if about := a.get(w, r, path, readUser); about != nil {
		a.writeUser(w, r, about, "users", "")
	}
}

func (a *API) serveManager(w http.ResponseWriter, r *http.Request, path string) {
	about := a.get(w, r, path, permissions{own: []string{a.managerScope}, other: []string{"User.Read.All"}})
	if about == nil {
		return
	}
	manager := directory.Find(about.ManagerID, []*directory.Tenant{about.Tenant})
	if about.ManagerID == "" || manager == nil {
		notFound("manager").write(w)
		return
	}
	a.writeUser(w, r, manager, "directoryObjects", "#microsoft.graph.user")
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

// writeUser writes a user, or the selected properties of one.
func (a *API) writeUser(w http.ResponseWriter, r *http.Request, about *directory.Account, set, kind string) {
	all := properties(about.User)
	context := a.origins.GraphURL() + "/$metadata#" + set
	selected := all[:defaultProperties]
	if names := r.URL.Query().Get("$select"); names != "" {
		var unknown string
		if selected, unknown = choose(all, names); unknown != "" {
			unknownProperty(unknown, "user").write(w)
			return
		}
		context += "(" + names + ")"
	}
	object := []property{{"@odata.context", context + "/$entity"}}
	if kind != "" {
		object = append(object, property{"@odata.type", kind})
	}
	writeObject(w, append(object, selected...))
}

// choose picks the properties of a $select; unknown is the first that does not exist.
func choose(all []property, names string) (selected []property, unknown string) {
	for name := range strings.SplitSeq(names, ",") {
		i := slices.IndexFunc(all, func(p property) bool { return p.name == strings.TrimSpace(name) })
		if i < 0 {
			return nil, name
		}
		selected = append(selected, all[i])
	}
	return selected, ""
}
