package fibermsal_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/internal/redistest"
)

// ownerOf returns the owner of a credential's token.
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
		if _, err := ownerOf(t, s.idp, u.TokenCredential()); !errors.Is(err, fibermsal.ErrNotSignedIn) {
			t.Errorf("after the idle timeout: %v", err)
		}
		if _, err := s.auth.UserByID(t.Context(), tenant, id); !errors.Is(err, fibermsal.ErrNotSignedIn) {
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
	b.Send(request(http.MethodPost, "/user/logout", ""))
	if _, err := ownerOf(t, s.idp, u.TokenCredential()); !errors.Is(err, fibermsal.ErrNotSignedIn) {
		t.Errorf("the token that was remembered is given out: %v", err)
	}
	if _, err := s.auth.UserByID(t.Context(), tenant, id); !errors.Is(err, fibermsal.ErrNotSignedIn) {
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
		if _, err := s.auth.UserByID(t.Context(), tenant, id, "Calendars.Read"); !errors.Is(err, fibermsal.ErrNotSignedIn) {
			t.Errorf("with a scope that nobody granted: %v", err)
		}
		if _, err := s.auth.UserByID(t.Context(), tenant, "x"); !errors.Is(err, fibermsal.ErrNotSignedIn) {
			t.Errorf("nobody: %v", err)
		}
		// The newest session requires a new sign-in, so the older one is used.
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
		wait.Go(func() { b.Send(request(http.MethodPost, "/user/logout", "")) })
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
		r.AddCookie(b.Jar[sessionCookie])
		wait.Go(func() {
			if a := web.send(r); a.Text != adele {
				t.Errorf("%d %s", a.StatusCode, a.Text)
			}
		})
	}
	wait.Wait()
	if n := idp.Count(entratest.Token); n != 1 {
		t.Errorf("%d token calls", n)
	}
}

func TestG27_AKeptUserFindsTheSessionsThereAreNow(t *testing.T) {
	t.Parallel()
	server, idp := redistest.Start(t), newIDP(t, withMail(), entratest.WithAccessTokenLifetime(shortLived))
	s, worker := newSite(t, idp, on(t, server)), newSite(t, idp, on(t, server)).auth
	b := s.browser()
	b.signIn(adele)
	tenant, id := userOf(t, b)
	byID, err := worker.UserByID(t.Context(), tenant, id, "User.Read")
	if err != nil {
		t.Fatal(err)
	}
	byMail, err := worker.UserByMail(t.Context(), adele)
	if err != nil {
		t.Fatal(err)
	}
	expect := func(what string, want error) {
		t.Helper()
		for way, u := range map[string]*fibermsal.DelegatedUser{"id": byID, "mail": byMail} {
			if owner, err := ownerOf(t, idp, u.TokenCredential()); !errors.Is(err, want) || (want == nil) != (owner == adele) {
				t.Errorf("%s, by %s: %q, %v", what, way, owner, err)
			}
		}
	}
	expect("at first", nil)
	b.Send(request(http.MethodPost, "/user/logout", ""))
	expect("signed out", fibermsal.ErrNotSignedIn)
	b.signIn(adele)
	expect("signed in again", nil)
	s.browser().signIn(alex)
	expect("somebody else as well", nil)
	idp.Revoke(adele)
	expect("revoked", fibermsal.ErrLoginRequired)
	s.browser().signIn(adele)
	expect("signed in elsewhere", nil)
	b.Send(request(http.MethodPost, "/user/logout", ""))
	expect("the first session ended", nil)
}

func TestWorker_OfflineUserDoesNotAliasTheRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, newIDP(t))
		older, newer := s.browser(), s.browser()
		older.signIn(adele)
		time.Sleep(time.Hour)
		newer.signIn(adele)
		tenant, id := userOf(t, newer)
		var u *fibermsal.DelegatedUser
		s.app.Get("/job/:tid/:oid", func(c *fiber.Ctx) (err error) {
			u, err = s.auth.UserByID(context.Background(), c.Params("tid"), c.Params("oid"))
			return err
		})
		newer.Get("/job/" + tenant + "/" + id)
		newer.Send(request(http.MethodPost, "/user/logout", ""))
		older.Get("/xxx/" + strings.Repeat("x", len(tenant)) + "/" + strings.Repeat("y", len(id)))
		if owner, err := ownerOf(t, s.idp, u.TokenCredential()); err != nil || owner != adele {
			t.Errorf("%q, %v: the older session would serve", owner, err)
		}
	})
}

func TestWorker_ClaimsThatNoTokenSatisfiesAreNotSoughtInEverySession(t *testing.T) {
	t.Parallel()
	s := newSite(t, newIDP(t))
	for range 5 {
		s.browser().signIn(adele)
	}
	person := s.idp.Users()[0]
	for _, u := range s.idp.Users() {
		if u.UPN == adele {
			person = u
		}
	}
	user, err := s.auth.UserByID(t.Context(), s.idp.TenantID, person.ID)
	if err != nil {
		t.Fatal(err)
	}
	before := strings.Count(s.log.String(), "offline_access")
	_, err = user.TokenCredential().GetToken(t.Context(), policy.TokenRequestOptions{Claims: `{"access_token":{}}`})
	if !errors.Is(err, fibermsal.ErrClaimsChallenge) {
		t.Errorf("%v", err)
	}
	if n := strings.Count(s.log.String(), "offline_access") - before; n != 0 {
		t.Errorf("%d sessions were read", n)
	}
}

// A job with other keys than the app's must not report the app's users as signed out.
func TestWorker_OtherKeysAreAFaultAndNoUsersWithoutSessions(t *testing.T) {
	t.Parallel()
	server, idp := redistest.Start(t), newIDP(t, withMail())
	b := newSite(t, idp, on(t, server)).browser()
	b.signIn(adele)
	tenant, id := userOf(t, b)
	stranger := newSite(t, idp, on(t, server), func(cfg *fibermsal.Config) { cfg.Keys = [][]byte{testKey(9)} }).auth
	_, byID := stranger.UserByID(t.Context(), tenant, id)
	_, byMail := stranger.UserByMail(t.Context(), adele)
	for what, err := range map[string]error{"by ID": byID, "by mail": byMail} {
		if e := new(fibermsal.Error); !errors.As(err, &e) || !errors.Is(err, fibermsal.ErrMisconfigured) || e.Reason != "wrong_keys" {
			t.Errorf("%s: %v", what, err)
		}
	}
}
