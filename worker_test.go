package fibermsal_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/internal/redistest"
)

// ownerOf is whose token a credential gives.
func ownerOf(t *testing.T, idp *entratest.Server, k azcore.TokenCredential) (string, error) {
	t.Helper()
	token, err := k.GetToken(t.Context(), tokenRequest())
	if err != nil {
		return "", err
	}
	owner, _ := idp.TokenUser(token.Token)
	return owner, nil
}

func TestWorker_ActsForASignedInUser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, newIDP(t, withMail()))
		b := s.browser()
		b.signIn(adele)
		tenant, id := userOf(t, b)
		u, err := s.auth.UserByID(t.Context(), tenant, id)
		if err != nil || u.Username != adele || u.ID != id {
			t.Fatalf("%v, %v", u, err)
		}
		byMail, err := s.auth.UserByMail(t.Context(), " AdeleV@CONTOSO.com", "User.Read")
		if err != nil || byMail.ID != id {
			t.Fatalf("by mail: %v, %v", byMail, err)
		}
		for range 5 {
			time.Sleep(90 * time.Minute) // renewed each time, and the session not prolonged
			if owner, err := ownerOf(t, s.idp, u.TokenCredential()); err != nil || owner != adele {
				t.Fatalf("%q, %v", owner, err)
			}
		}
		time.Sleep(time.Hour)
		if _, err := ownerOf(t, s.idp, u.TokenCredential()); !errors.Is(err, fibermsal.ErrNoSession) {
			t.Errorf("after the idle timeout: %v", err)
		}
		if _, err := s.auth.UserByID(t.Context(), tenant, id); !errors.Is(err, fibermsal.ErrNoSession) {
			t.Errorf("after the idle timeout: %v", err)
		}
	})
}

func TestG27_SignedOutUsersHaveNoTokens(t *testing.T) {
	t.Parallel()
	s := newSite(t, newIDP(t))
	b := s.browser()
	b.signIn(adele)
	tenant, id := userOf(t, b)
	u, err := s.auth.UserByID(t.Context(), tenant, id)
	if err != nil {
		t.Fatal(err)
	}
	if owner, err := ownerOf(t, s.idp, u.TokenCredential()); owner != adele {
		t.Fatal(err)
	}
	b.do(request(http.MethodPost, "/user/logout", ""))
	if _, err := ownerOf(t, s.idp, u.TokenCredential()); !errors.Is(err, fibermsal.ErrNoSession) {
		t.Errorf("the token that was remembered is given out: %v", err)
	}
	if _, err := s.auth.UserByID(t.Context(), tenant, id); !errors.Is(err, fibermsal.ErrNoSession) {
		t.Errorf("%v", err)
	}
}

func TestWorker_TakesTheNewestSessionThatServes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newInteractiveSite(t, newIDP(t))
		plain, rich := s.browser(), s.browser()
		rich.signIn(adele)
		rich.follow("/scope", adele) // Mail.Read as well
		time.Sleep(time.Hour)
		plain.signIn(adele)
		tenant, id := userOf(t, plain)
		u, err := s.auth.UserByID(t.Context(), tenant, id)
		if err != nil || time.Since(u.SignedInAt) > time.Minute {
			t.Fatalf("not the newest: %v, %v", u, err)
		}
		// Entra has granted the new session what the user has consented to before.
		if _, err := s.auth.UserByID(t.Context(), tenant, id, "Mail.Read"); err != nil {
			t.Errorf("with a scope: %v", err)
		}
		if _, err := s.auth.UserByID(t.Context(), tenant, id, "Calendars.Read"); !errors.Is(err, fibermsal.ErrNoSession) {
			t.Errorf("with a scope that nobody granted: %v", err)
		}
		if _, err := s.auth.UserByID(t.Context(), tenant, "x"); !errors.Is(err, fibermsal.ErrNoSession) {
			t.Errorf("nobody: %v", err)
		}
		// The newest must sign in again, the older one serves.
		s.idp.Fault(entratest.Token, entratest.Fault{Times: 1, OAuth: &entratest.OAuthError{Error: "invalid_grant", Codes: []int{50173}, Suberror: "bad_token"}})
		time.Sleep(3 * time.Hour)
		if owner, err := ownerOf(t, s.idp, u.TokenCredential()); err != nil || owner != adele {
			t.Errorf("%q, %v", owner, err)
		}
		s.idp.Revoke(adele)
		time.Sleep(2 * time.Hour)
		if _, err := ownerOf(t, s.idp, u.TokenCredential()); !errors.Is(err, fibermsal.ErrLoginRequired) {
			t.Errorf("all revoked: %v", err)
		}
	})
}

func TestWorker_OutageIsNoSignOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLedger()
		s := newSite(t, newIDP(t), onLedger(l))
		b := s.browser()
		b.signIn(adele)
		tenant, id := userOf(t, b)
		u, err := s.auth.UserByID(t.Context(), tenant, id)
		if err != nil {
			t.Fatal(err)
		}
		l.fail(true, true)
		if _, err := ownerOf(t, s.idp, u.TokenCredential()); !errors.Is(err, fibermsal.ErrUnavailable) {
			t.Errorf("%v", err)
		}
		if _, err := s.auth.UserByID(t.Context(), tenant, id); !errors.Is(err, fibermsal.ErrUnavailable) {
			t.Errorf("%v", err)
		}
		l.fail(false, false)
		time.Sleep(time.Second)
		if owner, err := ownerOf(t, s.idp, u.TokenCredential()); err != nil || owner != adele {
			t.Errorf("%q, %v", owner, err)
		}
	})
}

// withMail makes the registration add what it has to for a look-up by mail.
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
		if u, err := worker.UserByMail(t.Context(), mail); !errors.Is(err, fibermsal.ErrNoSession) {
			t.Errorf("%q finds %v, %v", mail, u, err)
		}
	}
	if u, err := worker.UserByMail(t.Context(), "A@X.com"); err != nil || u.Username != people[0].UPN {
		t.Errorf("in capitals: %v, %v", u, err)
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
	if u, err := s.auth.UserByMail(t.Context(), "same@fabrikam.example"); !errors.Is(err, fibermsal.ErrNoSession) {
		t.Errorf("both: %v, %v", u, err)
	}
	if u, err := s.auth.UserByID(t.Context(), otherTenant, bob.ID); err != nil || u.Username != bob.UPN {
		t.Errorf("by id: %v, %v", u, err)
	}
}

// Two users of one tenant share the address: that another tenant has only one of it chooses
// nobody, and the error says why.
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
		if !errors.Is(err, fibermsal.ErrNoSession) || !errors.As(err, &e) || !strings.HasPrefix(e.Reason, "mail_") {
			t.Errorf("%s: %v, %#v", name, u, e)
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

func TestG27_WorkersRacingWithSignOutsResurrectNobody(t *testing.T) {
	t.Parallel()
	server, idp := redistest.Start(t), newIDP(t)
	s, other := newSite(t, idp, on(t, server)), newSite(t, idp, on(t, server))
	for range repeats(200) {
		b := s.browser()
		b.signIn(adele)
		tenant, id := userOf(t, b)
		u, err := other.auth.UserByID(t.Context(), tenant, id)
		if err != nil {
			t.Fatal(err)
		}
		b.vault(server).expire()
		var wait sync.WaitGroup
		wait.Go(func() { _, _ = ownerOf(t, idp, u.TokenCredential()) })
		wait.Go(func() { b.do(request(http.MethodPost, "/user/logout", "")) })
		wait.Wait()
		if records := recordsOfSessions(t, server.Keys()); len(records) != 0 {
			t.Fatalf("came back: %v", records)
		}
	}
}

func TestG27_WorkerAndWebRenewOnce(t *testing.T) {
	t.Parallel()
	server, idp := redistest.Start(t), newIDP(t, entratest.WithOneTimeRefreshTokens())
	web, worker := newSite(t, idp, on(t, server)), newSite(t, idp, on(t, server))
	b := web.browser()
	b.signIn(adele)
	tenant, id := userOf(t, b)
	b.vault(server).expire()
	idp.ResetRequests()
	var wait sync.WaitGroup
	for range 25 {
		wait.Go(func() {
			u, err := worker.auth.UserByID(t.Context(), tenant, id)
			if err != nil {
				t.Error(err)
				return
			}
			if owner, err := ownerOf(t, idp, u.TokenCredential()); owner != adele {
				t.Error(err)
			}
		})
		r := request(http.MethodGet, "/token", "")
		r.AddCookie(b.jar[sessionCookie])
		wait.Go(func() {
			if a := web.send(r); a.body != adele {
				t.Errorf("%d %s", a.StatusCode, a.body)
			}
		})
	}
	wait.Wait()
	if n := idp.Count(entratest.Token); n != 1 {
		t.Errorf("%d token calls", n)
	}
}

func TestAppOnly_TokensAreSharedAndRenewed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLedger()
		idp := newIDP(t, entratest.WithAppPermissions("User.Read.All"))
		s, other := newSite(t, idp, onLedger(l)), newSite(t, idp, onLedger(l))
		get := func(s *site, scopes ...string) (string, error) {
			r := tokenRequest()
			r.Scopes = scopes
			token, err := s.auth.AppCredential().GetToken(context.Background(), r)
			return token.Token, err
		}
		first, err := get(s)
		if err != nil || first == "" {
			t.Fatalf("%#v\n%s", errors.Unwrap(err), s.log)
		}
		again, _ := get(s)
		there, _ := get(other, "https://graph.entra.test/.default")
		if again != first || there != first || idp.Count(entratest.Token) != 1 {
			t.Errorf("%d token calls", idp.Count(entratest.Token))
		}
		time.Sleep(2 * time.Hour)
		if renewed, err := get(s); err != nil || renewed == first || idp.Count(entratest.Token) != 2 {
			t.Errorf("%v, %d token calls", err, idp.Count(entratest.Token))
		}
		if _, err := get(s, "User.Read"); !errors.Is(err, fibermsal.ErrMisconfigured) {
			t.Errorf("a delegated scope: %v", err)
		}
		time.Sleep(2 * time.Hour)
		l.fail(true, true)
		if token, err := get(other); err != nil || token == "" {
			t.Errorf("storage down: %v", err)
		}
		l.fail(false, false)
		idp.SetClientSecret("changed-by-somebody")
		time.Sleep(2 * time.Hour)
		if _, err := get(s); !errors.Is(err, fibermsal.ErrMisconfigured) || errors.Is(err, fibermsal.ErrLoginRequired) {
			t.Errorf("refused: %v", err)
		}
		calls := idp.Count(entratest.Token)
		if _, err := get(s); !errors.Is(err, fibermsal.ErrMisconfigured) || idp.Count(entratest.Token) != calls {
			t.Errorf("asked again at once: %v", err)
		}
		time.Sleep(time.Minute)
		idp.Fault(entratest.Token, entratest.Fault{Status: 503, Body: "down"})
		if _, err := get(s); !errors.Is(err, fibermsal.ErrUnavailable) {
			t.Errorf("Entra down: %v", err)
		}
	})
}

func TestAppOnly_TokenOfSecondsIsHandedOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		idp := newIDP(t, entratest.WithAppPermissions("User.Read.All"), entratest.WithAccessTokenLifetime(10*time.Second))
		s := newSite(t, idp)
		for range 3 {
			token, err := s.auth.AppCredential().GetToken(t.Context(), tokenRequest())
			if err != nil || token.Token == "" || time.Until(token.ExpiresOn) < 7*time.Second {
				t.Errorf("%.5q until %v, %v", token.Token, token.ExpiresOn, err)
			}
			time.Sleep(time.Second)
		}
	})
}

// A caller who looks before a renewal has landed and asks after it must heed how it ended.
func TestAppOnly_CallersWhoComeJustAfterARefusalDoNotAskAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		idp := newIDP(t, entratest.WithAppPermissions("User.Read.All"), entratest.WithAccessTokenLifetime(time.Hour))
		app := newSite(t, idp).auth.AppCredential()
		get := func() {
			if _, err := app.GetToken(t.Context(), tokenRequest()); err != nil {
				t.Error(err)
			}
		}
		get()
		time.Sleep(51 * time.Minute)
		idp.Fault(entratest.Token, entratest.Fault{Status: 429, Header: http.Header{"Retry-After": {"5"}}, Body: "{}"})
		for round := range 60 {
			idp.ResetRequests()
			var wait sync.WaitGroup
			for range 16 {
				wait.Go(func() {
					for range 8 {
						get()
					}
				})
			}
			wait.Wait()
			synctest.Wait()
			if n := idp.Count(entratest.Token); n != 1 {
				t.Fatalf("round %d: %d token calls within the pause that Entra asked for", round, n)
			}
			time.Sleep(6 * time.Second)
		}
	})
}

func TestAppOnly_TokenIsRenewedAheadWithoutAnybodyWaiting(t *testing.T) {
	for name, row := range map[string]struct {
		option entratest.Option
		after  time.Duration
		fault  entratest.Fault
		calls  int
	}{
		"before its end":    {entratest.WithAccessTokenLifetime(time.Hour), 51 * time.Minute, entratest.Fault{Times: 1, Delay: 5 * time.Second}, 1},
		"half-way, if new":  {entratest.WithAccessTokenLifetime(8 * time.Minute), 7 * time.Minute, entratest.Fault{Times: 1, Delay: 5 * time.Second}, 1},
		"when Entra says":   {entratest.WithRefreshIn(20 * time.Minute), 21 * time.Minute, entratest.Fault{Times: 1, Delay: 5 * time.Second}, 1},
		"not if Entra asks": {entratest.WithAccessTokenLifetime(time.Hour), 51 * time.Minute, entratest.Fault{Status: 429, Header: http.Header{"Retry-After": {"120"}}, Body: "{}"}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				idp := newIDP(t, entratest.WithAppPermissions("User.Read.All"), row.option)
				l := newLedger()
				s := newSite(t, idp, onLedger(l))
				get := func(s *site) string {
					began := time.Now()
					token, err := s.auth.AppCredential().GetToken(t.Context(), tokenRequest())
					if err != nil || time.Since(began) > time.Second {
						t.Fatalf("after %v: %v", time.Since(began), err)
					}
					return token.Token
				}
				first := get(s)
				time.Sleep(row.after)
				idp.ResetRequests()
				idp.Fault(entratest.Token, row.fault)
				for range 20 {
					if get(s) != first {
						t.Error("another token")
					}
				}
				time.Sleep(10 * time.Second)
				if renewed := get(s); (renewed != first) != (row.fault.Delay > 0) {
					t.Error("not renewed, or by nobody")
				}
				if n := idp.Count(entratest.Token); n != row.calls {
					t.Errorf("%d token calls", n)
				}
				idp.ClearFaults()
				idp.Fault(entratest.Token, entratest.Fault{Drop: true})
				get(newSite(t, idp, onLedger(l))) // finds it in the storage
			})
		})
	}
}
