package graph

import (
	"context"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/microsoftgraph/msgraph-sdk-go/models"
	"github.com/microsoftgraph/msgraph-sdk-go/users"

	"github.com/fibermsal/fibermsal/entra"
	"github.com/fibermsal/fibermsal/internal/flight"
	"github.com/fibermsal/fibermsal/internal/mailaddr"
)

// profileTimeout is how long a sign-in waits for Graph altogether.
const profileTimeout = 2 * time.Second

// Profile completes a user at sign-in from Graph: the display name and the mail address, if Graph
// has them, and the manager, who becomes the value "manager" of the session, as {"id", "name",
// "mail"}.
//
//	fibermsal.Config{OnSignIn: graph.Profile}
//
// It always returns nil, within 2 seconds, because a user without a manager or mailbox, a missing
// permission, or a slow Graph must not prevent a sign-in. Properties that it could not get keep
// their values of the ID token. An app that does more at sign-in calls Profile from its own
// function.
func Profile(ctx context.Context, s *entra.SignIn) error {
	if s == nil || s.User == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, profileTimeout)
	defer cancel()
	a := newAdapter(s.Credential, nil)
	a.retries = false
	user := fetch(func() (models.Userable, error) {
		return me(a).Get(ctx, &users.UserItemRequestBuilderGetRequestConfiguration{
			QueryParameters: &users.UserItemRequestBuilderGetQueryParameters{Select: profileProperties},
		})
	})
	manager := fetch(func() (models.Userable, error) { return managerOf(ctx, a, profileProperties...) })
	if completeUser(s.User, await(ctx, user)) {
		setManager(s, await(ctx, manager))
	}
	return nil
}

var profileProperties = []string{"id", "displayName", "mail"}

// fetch gets a user in the background. After an error or a panic the result is nil, because the
// sign-in continues without it.
func fetch(get func() (models.Userable, error)) <-chan models.Userable {
	result := make(chan models.Userable, 1)
	go func() {
		var user models.Userable
		_ = flight.Caught(func() error {
			u, err := get()
			if err == nil {
				user = u
			}
			return err
		})
		result <- user
	}()
	return result
}

// await returns the result, or nil if the context ends first, even if the app's transport
// ignores the context.
func await(ctx context.Context, result <-chan models.Userable) models.Userable {
	select {
	case u := <-result:
		return u
	case <-ctx.Done():
		return nil
	}
}

// completeUser takes over name and mail. It returns false and changes nothing if Graph's user is
// not the user of the ID token, as OpenID Connect requires for UserInfo (Core, section 5.3.4).
func completeUser(u *entra.User, profile models.Userable) bool {
	if profile == nil || !strings.EqualFold(deref(profile.GetId()), u.ID) {
		return false
	}
	if name := displayName(profile); name != "" {
		u.Name = name
	}
	if mail, ok := mailaddr.Normalize(deref(profile.GetMail())); ok {
		u.Mail = mail
	}
	return true
}

// setManager adds the manager, if there is one, to the values of the session.
func setManager(s *entra.SignIn, manager models.Userable) {
	if manager == nil || deref(manager.GetId()) == "" {
		return
	}
	mail, _ := mailaddr.Normalize(deref(manager.GetMail()))
	_ = s.Set("manager", struct { // too large a value is left out
		ID   string `json:"id"`
		Name string `json:"name"`
		Mail string `json:"mail"`
	}{deref(manager.GetId()), displayName(manager), mail})
}

// displayName returns the display name, or "" if it is too long for a session.
func displayName(u models.Userable) string {
	name := deref(u.GetDisplayName())
	if utf8.RuneCountInString(name) > maxName {
		return ""
	}
	return name
}
