// Package directory contains the tenants of the emulator with their users, and the state of the users'
// accounts.
package directory

import "strings"

// User is entratest.User, whose fields are documented there.
type User struct {
	ID, UPN, Mail                   string
	DisplayName, GivenName, Surname string
	JobTitle, OfficeLocation        string
	MobilePhone                     string
	BusinessPhones                  []string
	PreferredLanguage               string
	Photo                           []byte
	PhotoStatus                     int
	ManagerID                       string
	Roles, Groups                   []string
	HomeTenantID, HomeID            string
	Admin, Agent, Unassigned        bool
}

// IsGuest reports whether the user's home is another directory.
func (u User) IsGuest() bool { return u.HomeTenantID != "" }

// Domain is the domain of the sign-in name; a guest's is at home.
func (u User) Domain() string {
	login := u.UPN
	if u.IsGuest() && u.Mail != "" {
		login = u.Mail
	}
	_, domain, _ := strings.Cut(strings.ToLower(login), "@")
	return domain
}
