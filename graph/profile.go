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

// profileTimeout is how long a sign-in waits for Graph in total.
const profileTimeout = 2 * time.Second

// Profile completes a user at sign-in with data from Graph: the display name and the mail address, if
// Graph has them, and the manager, who becomes the session value "manager" as {"id", "name", "mail"}.
// It also loads the photo into the cache of [Photo] and GET /user/photo.
//
//	fibermsal.Config{OnSignIn: graph.Profile}
//
// It makes a single call, which is a batch. It always returns nil, within 2 seconds, because a missing
// manager, mailbox or permission, or a slow Graph, must not prevent a sign-in. Properties that it
// cannot get keep their values from the ID token. An app that does more at sign-in can call Profile
// from its own OnSignIn function.
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

// profileParts are the requests of Profile. The optional ones have a low priority, so Graph throttles
// them first.
var profileParts = []batchPart{
	{ID: partMe, Method: http.MethodGet, URL: "/me?$select=id,displayName,mail"},
	{ID: partManager, Method: http.MethodGet, URL: "/me/manager?$select=id,displayName,mail", Headers: lowPriority},
	{ID: partPhoto, Method: http.MethodGet, URL: "/me/photo/$value", Headers: lowPriority},
}

var lowPriority = map[string]string{"x-ms-throttle-priority": "low"}

// await calls get in the background. It returns nil after an error or a panic, and when the context
// ends, even if the app's transport ignores the context.
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

// completeUser sets name and mail from a profile. It returns false and changes nothing if the profile
// does not belong to the user of the ID token, as OpenID Connect requires for UserInfo (Core, section
// 5.3.4).
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
	_ = s.Set("manager", struct { // a value that is too large is left out
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
