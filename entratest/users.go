package entratest

import (
	"embed"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// User is a person in the emulated directory. Only ID and UPN are required.
type User struct {
	// ID is the object id, a GUID: the oid claim and Graph's id.
	ID string
	// UPN is the user principal name people sign in with: preferred_username and userPrincipalName.
	UPN string
	// Mail is the mail address; empty gives null in Graph and no email claim.
	Mail string

	DisplayName, GivenName, Surname string
	JobTitle, OfficeLocation        string
	MobilePhone                     string
	BusinessPhones                  []string
	PreferredLanguage               string

	// Photo is a JPEG; nil for people without one. It is shared, not copied: do not change its bytes.
	Photo []byte
	// ManagerID is the object id of the manager in the same directory; empty for none.
	ManagerID string

	// Roles are the app roles of the roles claim.
	Roles []string
	// Groups are the object ids of the groups claim. With more than 200, Entra sends a pointer instead.
	Groups []string

	// HomeTenantID and HomeID make the user a guest: the ids at home, which client_info names.
	// Both are empty for members.
	HomeTenantID, HomeID string

	// Admin users may consent for everybody, at the admin consent endpoint, and to the scopes of
	// [WithAdminScopes].
	Admin bool

	// Unassigned users are blocked from the app: they see AADSTS50105 and the app sees nothing.
	Unassigned bool
}

// IsGuest tells whether the user's home is another directory.
func (u User) IsGuest() bool { return u.HomeTenantID != "" }

//go:generate go run ./internal/portraits photos

//go:embed photos/*.jpg
var photos embed.FS

// Object ids of the sample people: fixed, so that stored sessions survive a restart of the emulator.
const (
	pattiID  = "1a2b41c6-5a0f-4f0e-9d3e-0c5e6f1b0a01"
	miriamID = "2b7c52d7-6b10-4a1f-8e4f-1d6f7a2c1b02"
	meganID  = "48d31887-5fad-4d73-a9f5-3c356e68a038"
	nestorID = "3c8d63e8-7c21-4b20-9f50-2e708b3d2c03"
)

// Users returns the sample directory: Microsoft's fictional Contoso people, with a chain of managers.
// Patti Fernandez has no manager and is the administrator, Isaiah Langer has no photo, Johanna Lorenz no
// mail, and Pradeep Gupta is a guest from another tenant.
func Users() []User {
	return []User{
		sample("adele", User{
			ID: "87d349ed-44d7-43e1-9a83-5f2406dee5bd", UPN: "AdeleV@contoso.com",
			DisplayName: "Adele Vance", GivenName: "Adele", Surname: "Vance", JobTitle: "Retail Manager",
			OfficeLocation: "18/2111", BusinessPhones: []string{"+1 425 555 0109"}, ManagerID: miriamID,
			Roles: []string{"Portal.User"}, Groups: []string{"0a53828f-36c9-44c3-be3d-99a7fce977ac"},
		}),
		sample("alex", User{
			ID: "4782e723-f4f4-4af3-a76e-25e3bab0d896", UPN: "AlexW@contoso.com",
			DisplayName: "Alex Wilber", GivenName: "Alex", Surname: "Wilber", JobTitle: "Marketing Assistant",
			OfficeLocation: "131/1104", BusinessPhones: []string{"+1 858 555 0110"}, ManagerID: meganID,
		}),
		sample("diego", User{
			ID: "c03e6eaa-b6ab-46d7-905b-73ec7ea1f755", UPN: "DiegoS@contoso.com",
			DisplayName: "Diego Siciliani", GivenName: "Diego", Surname: "Siciliani", JobTitle: "HR Manager",
			OfficeLocation: "14/1108", BusinessPhones: []string{"+1 205 555 0108"}, ManagerID: nestorID,
		}),
		sample("grady", User{
			ID: "5bde3e51-d13b-4db1-9948-fe4b109d11a7", UPN: "GradyA@contoso.com",
			DisplayName: "Grady Archie", GivenName: "Grady", Surname: "Archie", JobTitle: "Designer",
			OfficeLocation: "19/2109", BusinessPhones: []string{"+1 309 555 0104"}, ManagerID: meganID,
		}),
		sample("", User{
			ID: "cf4c6ddb-2a0a-4c0f-8a0f-7d5b6bdcf8d1", UPN: "IsaiahL@contoso.com",
			DisplayName: "Isaiah Langer", GivenName: "Isaiah", Surname: "Langer", JobTitle: "Sales Representative",
			OfficeLocation: "20/1101", BusinessPhones: []string{"+1 918 555 0101"}, ManagerID: miriamID,
		}),
		withoutMail(sample("johanna", User{
			ID: "0c8a2b1f-6d43-4ad4-8a7c-2a6f0b2f9c11", UPN: "JohannaL@contoso.com",
			DisplayName: "Johanna Lorenz", GivenName: "Johanna", Surname: "Lorenz", JobTitle: "Senior Engineer",
			OfficeLocation: "23/2102", BusinessPhones: []string{"+1 502 555 0102"}, ManagerID: nestorID,
		})),
		sample("lee", User{
			ID: "e3d0513b-449e-4198-ba6f-bd97ae7cae85", UPN: "LeeG@contoso.com",
			DisplayName: "Lee Gu", GivenName: "Lee", Surname: "Gu", JobTitle: "Director", PreferredLanguage: "de-DE",
			OfficeLocation: "23/3101", BusinessPhones: []string{"+1 913 555 0101"}, ManagerID: pattiID,
		}),
		sample("megan", User{
			ID: meganID, UPN: "MeganB@contoso.com",
			DisplayName: "Megan Bowen", GivenName: "Megan", Surname: "Bowen", JobTitle: "Marketing Manager",
			OfficeLocation: "12/1110", MobilePhone: "+1 412 555 0199", BusinessPhones: []string{"+1 412 555 0109"}, ManagerID: miriamID,
			Roles: []string{"Portal.User", "Portal.Editor"},
		}),
		sample("miriam", User{
			ID: miriamID, UPN: "MiriamG@contoso.com",
			DisplayName: "Miriam Graham", GivenName: "Miriam", Surname: "Graham", JobTitle: "Director",
			OfficeLocation: "131/2103", BusinessPhones: []string{"+1 858 555 0109"}, ManagerID: pattiID,
		}),
		sample("nestor", User{
			ID: nestorID, UPN: "NestorW@contoso.com",
			DisplayName: "Nestor Wilke", GivenName: "Nestor", Surname: "Wilke", JobTitle: "Director",
			OfficeLocation: "36/2121", BusinessPhones: []string{"+1 206 555 0105"}, ManagerID: pattiID,
		}),
		sample("patti", User{
			ID: pattiID, UPN: "PattiF@contoso.com",
			DisplayName: "Patti Fernandez", GivenName: "Patti", Surname: "Fernandez", JobTitle: "President",
			OfficeLocation: "15/1102", BusinessPhones: []string{"+1 502 555 0144"},
			Roles: []string{"Portal.Admin", "Portal.User"}, Admin: true,
		}),
		sample("pradeep", User{
			ID: "6e9f85fa-9e43-4d42-b172-409fad5f4e05", UPN: "PradeepG_fabrikam.com#EXT#@contoso.onmicrosoft.com",
			Mail:        "PradeepG@fabrikam.com",
			DisplayName: "Pradeep Gupta", GivenName: "Pradeep", Surname: "Gupta", JobTitle: "Accountant",
			ManagerID: meganID, HomeTenantID: "bbbbcccc-1111-dddd-2222-eeee3333ffff", HomeID: "7fa096fb-af54-4e53-8283-51a0be605f06",
		}),
	}
}

// sample fills in what the sample people have in common.
func sample(photo string, u User) User {
	if photo != "" {
		u.Photo, _ = photos.ReadFile("photos/" + photo + ".jpg") // embedded; a test looks at each
	}
	if u.Mail == "" {
		u.Mail = u.UPN
	}
	if u.PreferredLanguage == "" {
		u.PreferredLanguage = "en-US"
	}
	return u
}

func withoutMail(u User) User {
	u.Mail = ""
	return u
}

// directory is all tenants of the emulator; the first is the server's own.
type directory struct{ tenants []*tenant }

// tenant is one Entra directory.
type tenant struct {
	id       string
	domains  map[string]bool
	accounts []*account
	byLogin  map[string]*account // by lower-case object id, UPN and mail
	consents map[string]bool     // by an administrator, for everybody; guarded by Server.mu
}

// account is a user and what has happened to it. The fields below tenant are guarded by Server.mu.
type account struct {
	User
	tenant *tenant

	disabled  bool
	sessions  int       // counts Revoke; grants of an earlier count are dead
	validFrom time.Time // when Revoke was called last
	consents  map[string]bool
}

func newDirectory(c *settings) (*directory, error) {
	d := &directory{}
	own := extraTenant{c.tenantID, c.users}
	for _, t := range append([]extraTenant{own}, c.extraTenants...) {
		if !guid.MatchString(t.id) || d.tenant(t.id) != nil {
			return nil, fmt.Errorf("the tenant id %q is not a GUID or is used twice", t.id)
		}
		tenant, err := newTenant(t.id, t.users)
		if err != nil {
			return nil, err
		}
		d.tenants = append(d.tenants, tenant)
	}
	d.tenants[0].domains["contoso.onmicrosoft.com"] = true
	return d, nil
}

func newTenant(id string, users []User) (*tenant, error) {
	t := &tenant{id: id, domains: map[string]bool{}, byLogin: map[string]*account{}, consents: map[string]bool{}}
	for _, u := range users {
		if err := t.add(u); err != nil {
			return nil, err
		}
	}
	// Mail addresses are names of second rank: they never hide an object id or a UPN.
	for _, a := range t.accounts {
		if key := strings.ToLower(a.Mail); key != "" && t.byLogin[key] == nil {
			t.byLogin[key] = a
		}
	}
	return t, nil
}

func (t *tenant) add(u User) error {
	u.ID = strings.ToLower(u.ID)
	if !guid.MatchString(u.ID) || u.UPN == "" {
		return fmt.Errorf("user %q needs a GUID as ID, and a UPN", u.UPN)
	}
	if (u.HomeTenantID == "") != (u.HomeID == "") {
		return fmt.Errorf("guest %q needs both HomeTenantID and HomeID", u.UPN)
	}
	a := &account{User: u, tenant: t, consents: map[string]bool{}}
	for _, key := range []string{u.ID, strings.ToLower(u.UPN)} {
		if t.byLogin[key] != nil {
			return errors.New("two users are called " + key)
		}
		t.byLogin[key] = a
	}
	if _, domain, ok := strings.Cut(strings.ToLower(u.UPN), "@"); ok {
		t.domains[domain] = true
	}
	t.accounts = append(t.accounts, a)
	return nil
}

func (d *directory) tenant(id string) *tenant {
	for _, t := range d.tenants {
		if t.id == id {
			return t
		}
	}
	return nil
}

func (t *tenant) hasDomain(name string) bool {
	return t.domains[name] || slices.ContainsFunc(t.accounts, func(a *account) bool { return a.domain() == name })
}

// domain is that of the sign-in name; a guest's is at home.
func (a *account) domain() string {
	login := a.UPN
	if a.IsGuest() && a.Mail != "" {
		login = a.Mail
	}
	_, domain, _ := strings.Cut(strings.ToLower(login), "@")
	return domain
}

// find looks login (object id, UPN or mail) up in the given tenants, in their order.
func find(login string, tenants []*tenant) *account {
	key := strings.ToLower(strings.TrimSpace(login)) // an empty one finds nobody: it is never a key
	for _, t := range tenants {
		if a := t.byLogin[key]; a != nil {
			return a
		}
	}
	return nil
}

// homeIDs are the ids of the account in its home tenant, as client_info and MSAL's account id name it.
func (a *account) homeIDs() (uid, utid string) {
	if a.IsGuest() {
		return a.HomeID, a.HomeTenantID
	}
	return a.ID, a.tenant.id
}

// Users returns the people of all tenants of this server, its own tenant's first.
func (s *Server) Users() []User {
	var users []User
	for _, t := range s.directory.tenants {
		for _, a := range t.accounts {
			users = append(users, a.User)
		}
	}
	return users
}

// User looks a person up by object id, UPN or mail, in that order, without regard to case.
// The server's own tenant comes before extra ones.
func (s *Server) User(login string) (User, bool) {
	a := find(login, s.directory.tenants)
	if a == nil {
		return User{}, false
	}
	return a.User, true
}

// mustFind is for controls: naming somebody who does not exist is a mistake in the test.
func (s *Server) mustFind(login string) *account {
	a := find(login, s.directory.tenants)
	if a == nil {
		panic(fmt.Sprintf("entratest: there is no user %q", login))
	}
	return a
}

// Revoke ends all sessions of the user, as "Revoke sessions" in the portal: refresh tokens fail with
// AADSTS50173 (bad_token), browser sessions are gone, and Graph challenges access tokens of clients that
// declared cp1; other access tokens live until they expire. The user may sign in again at once.
// Like the other controls it panics for an unknown login (object id, UPN or mail).
func (s *Server) Revoke(login string) {
	a := s.mustFind(login)
	s.mu.Lock()
	defer s.mu.Unlock()
	a.sessions++
	a.validFrom = time.Now()
}

// Disable blocks the account: sign-in and refresh fail with AADSTS50057, Graph challenges as after Revoke.
func (s *Server) Disable(login string) {
	a := s.mustFind(login)
	s.mu.Lock()
	defer s.mu.Unlock()
	a.disabled = true
	a.sessions++
	a.validFrom = time.Now()
}

// Enable unblocks the account. What Disable ended stays ended.
func (s *Server) Enable(login string) {
	a := s.mustFind(login)
	s.mu.Lock()
	defer s.mu.Unlock()
	a.disabled = false
}

// WithdrawConsent takes back what the user consented to: the given scopes, or everything. Renewing a token
// for them then fails with AADSTS65001 (consent_required) until the user consents again; tokens that are
// out keep working. What an administrator has consented to for everybody stays: see
// [Server.WithdrawAdminConsent].
func (s *Server) WithdrawConsent(login string, scopes ...string) {
	a := s.mustFind(login)
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(scopes) == 0 {
		a.consents = map[string]bool{}
	}
	for _, raw := range scopes {
		delete(a.consents, s.scopes.mustParse(raw).key())
	}
}
