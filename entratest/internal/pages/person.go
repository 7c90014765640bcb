package pages

import (
	"strings"
	"unicode/utf8"

	"github.com/fibermsal/fibermsal/entratest/internal/directory"
)

// Person is an account as a page shows it.
type Person struct {
	ID, Name, Login, Initials string
	Photo                     string // URL; empty for initials
	SignedIn, Hinted, Guest   bool
}

// Describe describes an account.
func Describe(a *directory.Account) Person {
	p := Person{ID: a.ID, Name: a.DisplayName, Login: a.UPN, Guest: a.IsGuest(), Initials: initials(a.User)}
	if p.Name == "" {
		p.Name = a.UPN
	}
	if a.IsGuest() && a.Mail != "" {
		p.Login = a.Mail
	}
	if a.Photo != nil {
		p.Photo = "/emulator/photo/" + a.ID
	}
	return p
}

func initials(u directory.User) string {
	name := u.GivenName + " " + u.Surname
	if strings.TrimSpace(name) == "" {
		name = u.DisplayName + " " + u.UPN
	}
	out := ""
	for _, word := range strings.Fields(name) {
		if r, _ := utf8.DecodeRuneInString(word); len(out) < 2 {
			out += strings.ToUpper(string(r))
		}
	}
	return out
}
