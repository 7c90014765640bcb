package sessionmodel_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/internal/record"
	"github.com/fibermsal/fibermsal/internal/sessionmodel"
)

// logins are the users of random histories.
var logins = []string{"AdeleV@contoso.com", "AlexW@contoso.com"}

// limits are the timeouts of random histories.
var limits = sessionmodel.Limits{Idle: 2 * time.Hour, Absolute: 5 * time.Hour, Slack: 10 * time.Second}

// historyBegins is how long after the beginning of virtual time histories begin. The sign-ins of a world are before.
const historyBegins = time.Minute

// world is what histories share, because sign-ins cost more than all the rest: an emulator, and a session for each
// browser, which is put into the storage of each history.
type world struct {
	idp      *entratest.Server
	sessions []signedIn
}

// signedIn is a session that began before the history.
type signedIn struct {
	user       int
	cookies    jar
	created    record.BeginParams
	lineage    lineage
	begin, end time.Duration // since the beginning of virtual time
}

// virtual is when virtual time begins.
var virtual = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{idp: entratest.New(entratest.WithRedirectURI(redirectURI), entratest.WithLogoutURI(origin+"/"))}
	t.Cleanup(func() { _ = w.idp.Close() })
	synctest.Test(t, func(t *testing.T) {
		for browser := range sessionmodel.Browsers {
			s, err := w.signIn(browser % sessionmodel.Users)
			if err != nil {
				t.Fatal(err)
			}
			w.sessions = append(w.sessions, *s)
		}
	})
	return w
}

// signIn signs a user in and returns the session.
func (w *world) signIn(user int) (*signedIn, error) {
	e, c := newEntra(w.idp, limits.Absolute, nil), newCluster(limits.Absolute, nil)
	s := &signedIn{user: user, cookies: jar{}, begin: time.Since(virtual)}
	c.created = func(p *record.BeginParams) { s.created = *p }
	i, err := start(0, 0, keyRing(0), c, e, timeouts{limits.Idle, limits.Absolute})
	if err != nil {
		return nil, err
	}
	defer i.close()
	status, err := i.signIn(e, logins[user], s.cookies, func(string) {})
	if err != nil || s.cookies[sessionCookie] == "" {
		return nil, fmt.Errorf("sign-in of %s: status %d, %w", logins[user], status, err)
	}
	for _, l := range e.lineages {
		s.lineage = *l
	}
	s.end = time.Since(virtual)
	return s, nil
}

// restore puts the session into a storage.
func (s *signedIn) restore(c *cluster, e *entra) (*lineage, error) {
	created := s.created
	created.TTL -= time.Since(virtual) - s.begin
	for _, entry := range created.Entries {
		c.ends[entry.Key] = virtual.Add(s.begin + limits.Absolute + time.Second).UnixNano()
	}
	_, err := c.memory.Begin(context.Background(), &created)
	l := s.lineage
	e.lineages[l.newest] = &l
	return &l, err
}
