package entratest

import (
	"embed"
	"slices"
)

//go:generate go run ./internal/portraits photos

//go:embed photos/*.jpg
var photos embed.FS

// Object IDs of sample users. They are fixed, so that stored sessions survive a restart of the
// emulator.
const (
	pattiID  = "1a2b41c6-5a0f-4f0e-9d3e-0c5e6f1b0a01"
	miriamID = "2b7c52d7-6b10-4a1f-8e4f-1d6f7a2c1b02"
	meganID  = "48d31887-5fad-4d73-a9f5-3c356e68a038"
	nestorID = "3c8d63e8-7c21-4b20-9f50-2e708b3d2c03"
)

// Users returns the sample users, who work for Microsoft's fictional company Contoso and have a chain
// of managers. Patti Fernandez has no manager and is the administrator, Isaiah Langer has no photo,
// Johanna Lorenz has no mail address, and Pradeep Gupta is a guest from another tenant, whose photo
// Graph refuses with 401.
func Users() []User { return slices.Concat(usersAToJ(), usersLToP()) }

func usersAToJ() []User {
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
	}
}

func usersLToP() []User {
	return []User{
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
		sample("", User{
			ID: "6e9f85fa-9e43-4d42-b172-409fad5f4e05", UPN: "PradeepG_fabrikam.com#EXT#@contoso.onmicrosoft.com",
			Mail:        "PradeepG@fabrikam.com",
			DisplayName: "Pradeep Gupta", GivenName: "Pradeep", Surname: "Gupta", JobTitle: "Accountant",
			ManagerID: meganID, HomeTenantID: "bbbbcccc-1111-dddd-2222-eeee3333ffff", HomeID: "7fa096fb-af54-4e53-8283-51a0be605f06",
		}),
	}
}

// sample sets the properties that the sample users have in common.
func sample(photo string, u User) User {
	if photo != "" {
		u.Photo, _ = photos.ReadFile("photos/" + photo + ".jpg") // embedded; a test checks each
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
