package graph

import (
	"context"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/fibermsal/fibermsal/entra"
	"github.com/fibermsal/fibermsal/internal/flight"
	"github.com/fibermsal/fibermsal/internal/mailaddr"
)

// profileTimeout is how long a sign-in waits for Graph altogether.
const profileTimeout = 2 * time.Second

// Profile completes a user at sign-in from Graph: the display name and the mail address, if Graph
// has them, and the manager, who becomes the value "manager" of the session, as {"id", "name",
// "mail"}. The photo is loaded as well, for [Photo] and GET /user/photo.
//
//	fibermsal.Config{OnSignIn: graph.Profile}
//
// It makes one call, a batch. It always returns nil, within 2 seconds, because a user without a
// manager or mailbox, a missing permission, or a slow Graph must not prevent a sign-in. Properties
// that it could not get keep their values from the ID token. An app that does more at sign-in can call
// Profile from its own function.
func Profile(ctx context.Context, s *entra.SignIn) error {
	if s == nil || s.User == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, profileTimeout)
	defer cancel()
	a := newAdapter(s.Credential, nil)
	a.retries = false
	answers := await(ctx, func() (answers batchAnswers, err error) { return a.batch(ctx, profileParts) })
	if completeUser(s.User, answers[partMe].person()) {
		setManager(s, answers[partManager].person())
		if picture, known := answers[partPhoto].photo(); known {
			cacheOf(s.Credential).put(keyOf(s.User, ""), picture)
		}
	}
	return nil
}

const (
	partMe      = "me"
	partManager = "manager"
	partPhoto   = "photo"
)

// profileParts are what Profile requests. Of those that it can do without, Graph may reject more
// when it throttles.
var profileParts = []batchPart{
	{ID: partMe, Method: http.MethodGet, URL: "/me?$select=id,displayName,mail"},
	{ID: partManager, Method: http.MethodGet, URL: "/me/manager?$select=id,displayName,mail", Headers: lowPriority},
	{ID: partPhoto, Method: http.MethodGet, URL: "/me/photo/$value", Headers: lowPriority},
}

var lowPriority = map[string]string{"x-ms-throttle-priority": "low"}

// await gets answers in the background, and returns nothing after an error or a panic, or if the
// context ends first, even if the app's transport ignores the context. The sign-in continues.
func await(ctx context.Context, get func() (batchAnswers, error)) batchAnswers {
	result := make(chan batchAnswers, 1)
	go func() {
		var answers batchAnswers
		_ = flight.Caught(func() (err error) {
			answers, err = get()
			return err
		})
		result <- answers
	}()
	select {
	case answers := <-result:
		return answers
	case <-ctx.Done():
		return nil
	}
}

// completeUser takes over name and mail. It returns false and changes nothing if Graph's user is
// not the user of the ID token, as OpenID Connect requires for UserInfo (Core, section 5.3.4).
func completeUser(u *entra.User, profile person) bool {
	if !strings.EqualFold(profile.ID, u.ID) {
		return false
	}
	if name := profile.name(); name != "" {
		u.Name = name
	}
	if mail, ok := mailaddr.Normalize(profile.Mail); ok {
		u.Mail = mail
	}
	return true
}

// setManager adds the manager, if there is one, to the values of the session.
func setManager(s *entra.SignIn, manager person) {
	if manager.ID == "" {
		return
	}
	mail, _ := mailaddr.Normalize(manager.Mail)
	_ = s.Set("manager", struct { // too large a value is left out
		ID   string `json:"id"`
		Name string `json:"name"`
		Mail string `json:"mail"`
	}{manager.ID, manager.name(), mail})
}

// person is a user or contact of the directory.
type person struct{ ID, DisplayName, Mail string }

// name returns the display name, or "" if it is too long for a session.
func (p person) name() string {
	if utf8.RuneCountInString(p.DisplayName) > maxName {
		return ""
	}
	return p.DisplayName
}
