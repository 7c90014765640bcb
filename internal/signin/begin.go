package signin

import (
	"cmp"
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/authority"
	"github.com/fibermsal/fibermsal/internal/flow"
	"github.com/fibermsal/fibermsal/internal/idtoken"
	"github.com/fibermsal/fibermsal/internal/mailaddr"
	"github.com/fibermsal/fibermsal/internal/session"
)

// verified is a sign-in whose user is known.
type verified struct {
	claims   *idtoken.Claims
	grant    *authority.Grant
	attempt  *flow.Attempt
	callback *Callback

	authenticatedAt time.Time // zero means unknown
}

// begin begins the session of a verified sign-in and ends the sessions that it replaces.
func (f *Flow) begin(ctx context.Context, v *verified) (*Begun, error) {
	s := f.newSession(v)
	replaces := cmp.Or(v.callback.Browser.Session(), v.attempt.Replaces())
	replaced := []string{replaces, v.callback.Present}
	readable := f.Sessions.Readable(ctx, replaced...)
	if r := v.attempt.Requirements(); !r.IsZero() {
		old := readable[replaces] // if it is nil, the user must prove everything again
		if r.Silent && (old == nil || !s.SameUser(old)) {
			// In the meantime the user has signed out or another user has signed in, which takes
			// precedence.
			return nil, errAnotherUser()
		}
		s.Inherit(old)
	}
	if f.OnSignIn != nil {
		user, err := f.OnSignIn(ctx, s.Provisional(v.attempt.ID()), v.grant.Tokens)
		if err != nil {
			return nil, refusedBySignIn(err)
		}
		s.User = user
	}
	token, err := f.Sessions.Replace(ctx, &session.Creation{
		Session: s, Tokens: v.grant.Tokens.Content(), Began: v.callback.At, Replaced: replaced, Readable: readable,
	})
	if err != nil {
		return nil, err
	}
	return &Begun{Token: token, Session: s, To: v.attempt.Destination()}, nil
}

// refusedBySignIn returns the error of an OnSignIn. If a sign-in with the same account cannot help, the
// error lets the user select another one.
func refusedBySignIn(err error) error {
	e, ok := autherr.Find(err)
	if !ok || e.Status >= http.StatusInternalServerError || autherr.Requirements(e) != nil {
		return err
	}
	return autherr.WithAnotherAccount(e)
}

func (f *Flow) newSession(v *verified) *session.Session {
	c := v.claims
	s := &session.Session{
		Origin: f.Sessions.Origin, Account: v.grant.Account.String(), LoginHint: c.LoginHint,
		EntraSession: c.SessionID, Scopes: v.grant.Scopes, AuthContexts: map[string]time.Time{},
		AuthenticatedAt: v.authenticatedAt,
		Groups:          c.Groups, GroupsElsewhere: c.GroupsElsewhere(), Browser: v.callback.Family,
		User: session.Identity{
			TenantID: c.TenantID, ID: c.ObjectID, Subject: c.Subject, Name: c.Name, Username: c.Username, Roles: c.Roles,
			SignedInAt: v.callback.At, ExpiresAt: v.callback.At.Add(f.Sessions.AbsoluteTimeout),
		},
	}
	s.User.Mail, _ = mailaddr.Normalize(c.Email)
	for _, id := range c.AuthContexts {
		s.AuthContexts[strings.ToLower(id)] = s.User.ExpiresAt
	}
	return s
}
