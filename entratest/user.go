package entratest

// User is a user of the emulated directory. Only ID and UPN are required.
type User struct {
	// ID is the object ID, a GUID, which is the oid claim and Graph's id.
	ID string
	// UPN is the user principal name, with which the user signs in. It is the preferred_username claim
	// and Graph's userPrincipalName.
	UPN string
	// Mail is the mail address. If it is empty, Graph returns null, and there is no email claim.
	Mail string

	DisplayName, GivenName, Surname string
	JobTitle, OfficeLocation        string
	MobilePhone                     string
	BusinessPhones                  []string
	PreferredLanguage               string

	// Photo is a JPEG; nil for users without one. It is shared, not copied: do not change its bytes.
	Photo []byte
	// PhotoStatus is Graph's status for the photo if the user has none. Graph is known to respond with
	// 404 or 501, with 400 or 403 for users without a mailbox, and with 401 for guests, although their
	// token works for everything else. Default: 404, or 401 for guests.
	PhotoStatus int
	// ManagerID is the object ID of the manager in the same directory. It is empty if there is none.
	ManagerID string

	// Roles are the app roles of the roles claim.
	Roles []string
	// Groups are the object IDs in the groups claim. For more than 200, the token refers to Graph instead.
	Groups []string

	// HomeTenantID and HomeID are the tenant ID and object ID of a guest in the home tenant, which
	// client_info contains. Both are empty for members.
	HomeTenantID, HomeID string

	// Admin users may consent for all users, at the admin consent endpoint, and to the scopes of
	// [WithAdminScopes].
	Admin bool

	// Agent marks the user as the user account of an agent identity, see [Server.IssueForAgent].
	Agent bool

	// Unassigned users are not assigned to the app: they see AADSTS50105, and the app gets no response.
	Unassigned bool
}

// IsGuest reports whether the user's home tenant is another one.
func (u User) IsGuest() bool { return u.HomeTenantID != "" }
