package entratest

// User is a user of the emulated directory. Only ID and UPN are required.
type User struct {
	// ID is the object id, a GUID: the oid claim and Graph's id.
	ID string
	// UPN is the user principal name, with which users sign in: preferred_username and userPrincipalName.
	UPN string
	// Mail is the mail address; empty gives null in Graph and no email claim.
	Mail string

	DisplayName, GivenName, Surname string
	JobTitle, OfficeLocation        string
	MobilePhone                     string
	BusinessPhones                  []string
	PreferredLanguage               string

	// Photo is a JPEG; nil for users without one. It is shared, not copied: do not change its bytes.
	Photo []byte
	// PhotoStatus is Graph's status for the photo of a user who has none. Graph is known to answer 404 or 501, 400
	// or 403 to users without a mailbox, and 401 to guests, although their token works for everything else.
	// Default: 404, and 401 for guests.
	PhotoStatus int
	// ManagerID is the object id of the manager in the same directory; empty for none.
	ManagerID string

	// Roles are the app roles of the roles claim.
	Roles []string
	// Groups are the object ids of the groups claim. For more than 200, Entra sends a pointer instead.
	Groups []string

	// HomeTenantID and HomeID make the user a guest: the ids at home, which client_info names.
	// Both are empty for members.
	HomeTenantID, HomeID string

	// Admin users may consent for everybody, at the admin consent endpoint, and to the scopes of
	// [WithAdminScopes].
	Admin bool

	// Agent makes the user the user account of an agent identity, with which [Server.IssueForAgent] lets the agent call.
	Agent bool

	// Unassigned users are blocked from the app: they see AADSTS50105 and the app sees nothing.
	Unassigned bool
}

// IsGuest reports whether the user's home is another directory.
func (u User) IsGuest() bool { return u.HomeTenantID != "" }
