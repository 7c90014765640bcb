package graph

import (
	"context"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/microsoftgraph/msgraph-sdk-go/models"
	"github.com/microsoftgraph/msgraph-sdk-go/users"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/internal/flight"
	"github.com/fibermsal/fibermsal/internal/mailaddr"
)

// profileTimeout is what a sign-in may wait for Graph, altogether.
const profileTimeout = 2 * time.Second

// Profile completes a user at sign-in with what Graph knows: the display name and
// the mail address, where Graph has them, and the manager, who becomes the value
// "manager" of the session, as {"id", "name", "mail"}.
//
//	fibermsal.Config{OnSignIn: graph.Profile}
//
// It always returns nil, within 2 seconds: a user without a manager or mailbox, a
// missing permission, or Graph being slow or down must not keep anybody out. What
// could not be learned stays as the ID token has it. An app with more to do at
// sign-in calls Profile from its own function.
func Profile(ctx context.Context, s *fibermsal.SignIn) error {
	if s == nil || s.User == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, profileTimeout)
	defer cancel()
	a := newAdapter(s.Credential, nil)
	a.patient = false
	user := ask(func() (models.Userable, error) {
		return me(a).Get(ctx, &users.UserItemRequestBuilderGetRequestConfiguration{
			QueryParameters: &users.UserItemRequestBuilderGetQueryParameters{Select: profileProperties},
		})
	})
	manager := ask(func() (models.Userable, error) { return managerOf(ctx, a, profileProperties...) })
	if complete(s.User, await(ctx, user)) {
		introduce(s, await(ctx, manager))
	}
	return nil
}

var profileProperties = []string{"id", "displayName", "mail"}

// ask gets somebody in the background, or nil.
func ask(get func() (models.Userable, error)) <-chan models.Userable {
	answer := make(chan models.Userable, 1)
	go func() {
		var user models.Userable // none, whatever it is: the sign-in goes on without
		_ = flight.Caught(func() error {
			u, err := get()
			if err == nil {
				user = u
			}
			return err
		})
		answer <- user
	}()
	return answer
}

// await returns the answer, or nil if it does not come in time: also from a
// transport that takes no notice of the context.
func await(ctx context.Context, answer <-chan models.Userable) models.Userable {
	select {
	case u := <-answer:
		return u
	case <-ctx.Done():
		return nil
	}
}

// complete takes over name and mail. It does not if the answer is about somebody
// else than the ID token, as OpenID Connect asks for UserInfo (Core, section
// 5.3.4).
func complete(u *fibermsal.User, known models.Userable) bool {
	if known == nil || !strings.EqualFold(deref(known.GetId()), u.ID) {
		return false
	}
	if name := nameOf(known); name != "" {
		u.Name = name
	}
	if mail, ok := mailaddr.Normalize(deref(known.GetMail())); ok {
		u.Mail = mail
	}
	return true
}

// introduce adds the manager to the session.
func introduce(s *fibermsal.SignIn, manager models.Userable) {
	if manager == nil || deref(manager.GetId()) == "" {
		return
	}
	mail, _ := mailaddr.Normalize(deref(manager.GetMail()))
	_ = s.Set("manager", struct { // if it does not fit, the session does without
		ID   string `json:"id"`
		Name string `json:"name"`
		Mail string `json:"mail"`
	}{deref(manager.GetId()), nameOf(manager), mail})
}

// nameOf is a display name that fits a session.
func nameOf(u models.Userable) string {
	name := deref(u.GetDisplayName())
	if utf8.RuneCountInString(name) > maxName {
		return ""
	}
	return name
}
