package entratest_test

import (
	"bytes"
	"image/jpeg"
	"strings"
	"testing"

	"github.com/fibermsal/fibermsal/entratest"
)

func TestUsers_AreASmallCompany(t *testing.T) {
	t.Parallel()
	byID := map[string]entratest.User{}
	for _, u := range entratest.Users() {
		byID[u.ID] = u
	}
	var withoutManager, withoutPhoto, withoutMail, guests []string
	for _, u := range entratest.Users() {
		if _, listed := byID[u.ManagerID]; u.ManagerID == "" {
			withoutManager = append(withoutManager, u.GivenName)
		} else if !listed {
			t.Errorf("%s has an unknown manager", u.UPN)
		}
		if u.Photo == nil {
			withoutPhoto = append(withoutPhoto, u.GivenName)
		} else if _, err := jpeg.Decode(bytes.NewReader(u.Photo)); err != nil {
			t.Errorf("%s: %v", u.UPN, err)
		}
		if u.Mail == "" {
			withoutMail = append(withoutMail, u.GivenName)
		}
		if u.IsGuest() {
			guests = append(guests, u.GivenName)
		}
	}
	for what, got := range map[string][]string{"Patti": withoutManager, "Isaiah Pradeep": withoutPhoto, "Johanna": withoutMail, "Pradeep": guests} {
		if strings.Join(got, " ") != what {
			t.Errorf("got %v, want %s", got, what)
		}
	}
}
