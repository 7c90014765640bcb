package fibermsal_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/internal/redistest"
)

// withMail adds the claims to the registration that a look-up by mail needs.
func withMail() entratest.Option { return entratest.WithOptionalClaims("email", "login_hint", "sid") }

func person(n int, mail string) entratest.User {
	return entratest.User{ID: fmt.Sprintf("00000000-0000-0000-0000-%012d", n), UPN: fmt.Sprintf("person%d@contoso.com", n), Mail: mail, DisplayName: "P"}
}

func TestE6_MailLooksUpItsOwnerOnly(t *testing.T) {
	t.Parallel()
	mails := []string{"a@x.com", "ba@x.com", "a@x.co", "a@x.com.evil.com", "aa@x.com", "a@y.com", "a_@x.com", "a%@x.com"}
	var people []entratest.User
	for i, mail := range mails {
		people = append(people, person(i+1, mail))
	}
	server, idp := redistest.Start(t), newIDP(t, withMail(), entratest.WithUsers(people...))
	s := newSite(t, idp, on(t, server))
	worker := newSite(t, idp, on(t, server)).auth
	for _, p := range people {
		s.browser().signIn(p.UPN)
	}
	var wait sync.WaitGroup
	for i, mail := range mails {
		for range 8 {
			wait.Go(func() {
				for range repeats(1000) / 8 {
					u, err := worker.UserByMail(t.Context(), mail)
					if err != nil {
						t.Errorf("%s: %v", mail, err)
						return
					}
					if owner, err := ownerOf(t, idp, u.TokenCredential()); err != nil || owner != people[i].UPN {
						t.Errorf("%s: a token of %s, %v", mail, owner, err)
						return
					}
				}
			})
		}
	}
	wait.Wait()
	for _, mail := range []string{"", "*", "a", "@x.com", "a@x", "x.com", "a＠x.com", "a@x.com\x00", "a@x.com a@y.com", "A@X.com.", "a@x.com@y.com", strings.Repeat("a", 300) + "@x.com"} {
		if u, err := worker.UserByMail(t.Context(), mail); !errors.Is(err, fibermsal.ErrNotSignedIn) {
			t.Errorf("%q finds %v, %v", mail, u, err)
		}
	}
	if u, err := worker.UserByMail(t.Context(), "A@X.com"); err != nil || u.Username != people[0].UPN {
		t.Errorf("in capitals: %v, %v", u, err)
	}
}

// Lists are hints: a session that is put onto the lists of other users is not theirs.
func TestE6_SessionsOnTheListsOfOthersAreNotFound(t *testing.T) {
	t.Parallel()
	server, idp := redistest.Start(t), newIDP(t, withMail())
	s := newSite(t, idp, on(t, server))
	browsers := map[string]*browser{adele: s.browser(), alex: s.browser()}
	for login, b := range browsers {
		b.signIn(login)
	}
	mixLists(t, server)
	for login := range browsers {
		known, _ := idp.User(login)
		byMail, mailErr := s.auth.UserByMail(t.Context(), login)
		byID, idErr := s.auth.UserByID(t.Context(), idp.TenantID, known.ID)
		if mailErr != nil || idErr != nil || byMail.Username != login || byID.Username != login {
			t.Errorf("%s: %v, %v; %v, %v", login, byMail, mailErr, byID, idErr)
		}
	}
	if n, err := s.auth.EndSessions(t.Context(), fibermsal.SessionFilter{Mail: adele}); n != 1 || err != nil {
		t.Errorf("%d sessions ended: %v", n, err)
	}
	if browsers[adele].user() != "" || browsers[alex].user() != alex {
		t.Errorf("%q and %q are signed in", browsers[adele].user(), browsers[alex].user())
	}
}

// mixLists puts all sessions onto all lists.
func mixLists(t *testing.T, server redistest.Redis) {
	t.Helper()
	client := server.Connect()
	var lists []string
	var listed []redis.Z
	for _, key := range server.Keys() {
		if !strings.Contains(key, ":i:{") || strings.Contains(key, "{instances}") {
			continue
		}
		members, err := client.ZRangeWithScores(t.Context(), key, 0, -1).Result()
		if err != nil {
			t.Fatal(err)
		}
		lists, listed = append(lists, key), append(listed, members...)
	}
	if len(lists) < 4 {
		t.Fatalf("lists: %v", lists)
	}
	for _, key := range lists {
		if err := client.ZAdd(t.Context(), key, listed...).Err(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestE6_FoundAcrossARotationOfKeys(t *testing.T) {
	t.Parallel()
	server, idp := redistest.Start(t), newIDP(t, withMail())
	ring := func(keys ...[]byte) *site {
		return newSite(t, idp, on(t, server), func(cfg *fibermsal.Config) { cfg.Keys = keys })
	}
	old, both, flipped := ring(testKey(1)), ring(testKey(1), testKey(2)), ring(testKey(2), testKey(1))
	old.browser().signIn(adele)
	flipped.browser().signIn(alex)
	for name, s := range map[string]*site{"appended": both, "in front": flipped} {
		for _, login := range []string{adele, alex} {
			if u, err := s.auth.UserByMail(t.Context(), login); err != nil || u.Username != login {
				t.Errorf("%s, key %s: %v, %v", login, name, u, err)
			}
		}
	}
}

func TestB9_MailOfTwoTenantsFindsNobody(t *testing.T) {
	t.Parallel()
	bob := person(1, "same@fabrikam.example")
	bob.UPN = "bob@fabrikam.example"
	ann := person(2, "same@fabrikam.example")
	idp := newIDP(t, withMail(), entratest.WithUsers(ann), entratest.WithExtraTenant(otherTenant, bob))
	s := newSite(t, idp, func(cfg *fibermsal.Config) {
		cfg.Authority = strings.Replace(idp.Authority, idp.TenantID, "organizations", 1)
		cfg.AllowedTenants = []string{idp.TenantID, otherTenant}
	})
	s.browser().signIn(ann.UPN)
	if u, err := s.auth.UserByMail(t.Context(), "same@fabrikam.example"); err != nil || u.ID != ann.ID {
		t.Errorf("one of them: %v, %v", u, err)
	}
	s.browser().signIn(bob.UPN)
	if u, err := s.auth.UserByMail(t.Context(), "same@fabrikam.example"); !errors.Is(err, fibermsal.ErrNotSignedIn) {
		t.Errorf("both: %v, %v", u, err)
	}
	if u, err := s.auth.UserByID(t.Context(), otherTenant, bob.ID); err != nil || u.Username != bob.UPN {
		t.Errorf("by id: %v, %v", u, err)
	}
}

// Two users of one tenant have the same address. The user of another tenant with this address is not
// chosen, and the error explains why.
func TestB9_MailSharedInOneTenantFindsNobodyInAnother(t *testing.T) {
	t.Parallel()
	const mail = "same@fabrikam.example"
	ann, eve, bob := person(1, mail), person(2, mail), person(3, mail)
	eve.UPN, bob.UPN = "eve@fabrikam.example", "bob@fabrikam.example"
	idp := newIDP(t, withMail(), entratest.WithUsers(ann, eve), entratest.WithExtraTenant(otherTenant, bob))
	for name, allowed := range map[string][]string{
		"shared first": {idp.TenantID, otherTenant}, "shared last": {otherTenant, idp.TenantID}, "alone": {idp.TenantID},
	} {
		s := newSite(t, idp, func(cfg *fibermsal.Config) {
			cfg.Authority, cfg.AllowedTenants = strings.Replace(idp.Authority, idp.TenantID, "organizations", 1), allowed
		})
		s.browser().signIn(ann.UPN)
		s.browser().signIn(eve.UPN)
		if len(allowed) > 1 {
			s.browser().signIn(bob.UPN)
		}
		u, err := s.auth.UserByMail(t.Context(), mail)
		var e *fibermsal.Error
		if !errors.Is(err, fibermsal.ErrNotSignedIn) || !errors.As(err, &e) || !strings.HasPrefix(e.Reason, "mail_") {
			t.Errorf("%s: %v, %#v", name, u, e)
		}
	}
}

func TestB9_ManySignInsOfOnePersonDoNotHideAnother(t *testing.T) {
	t.Parallel()
	ann, bob := person(1, "team@contoso.com"), person(2, "team@contoso.com")
	s := newSite(t, newIDP(t, withMail(), entratest.WithUsers(ann, bob)), func(cfg *fibermsal.Config) { cfg.MaxSessionsPerUser = 10 })
	first := s.browser()
	first.signIn(ann.UPN)
	for range 30 {
		s.browser().signIn(bob.UPN)
	}
	if u, err := s.auth.UserByMail(t.Context(), "team@contoso.com"); !errors.Is(err, fibermsal.ErrNotSignedIn) {
		t.Errorf("one of two was chosen: %v, %v", u, err)
	}
	if n := len(collect(t, s.auth, fibermsal.SessionFilter{Mail: "Team@contoso.com"})); n != 11 {
		t.Errorf("%d sessions by mail", n)
	}
	if n, err := s.auth.EndSessions(t.Context(), fibermsal.SessionFilter{Mail: "team@contoso.com"}); n != 11 || err != nil || first.user() != "" {
		t.Errorf("%d ended, %v", n, err)
	}
}

func TestWorker_MailOfTwoPeopleGivesNobodysToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ann, bob := person(1, "team@contoso.com"), person(2, "team@contoso.com")
		s := newSite(t, newIDP(t, withMail(), entratest.WithUsers(ann, bob)))
		a, b := s.browser(), s.browser()
		a.signIn(ann.UPN)
		time.Sleep(time.Second)
		b.signIn(bob.UPN)
		u, err := s.auth.UserByMail(t.Context(), "team@contoso.com")
		if errors.Is(err, fibermsal.ErrNotSignedIn) {
			return // right: nobody can tell which of them is meant
		}
		t.Errorf("one of two was chosen: %s", u.Username)
		b.Send(request(http.MethodPost, "/user/logout", ""))
		if owner, _ := ownerOf(t, s.idp, u.TokenCredential()); owner != "" && owner != u.Username {
			t.Errorf("%s's credential gives a token of %s", u.Username, owner)
		}
	})
}
