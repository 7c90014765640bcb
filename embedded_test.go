package fibermsal_test

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/embedded"
)

func TestG20_EmbeddedSessionsSurviveTheEndOfTheProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		idp, path := newIDP(t, withMail()), newStorageFile(t)
		before := newSite(t, idp, onFile(t, path))
		early, late, other := before.browser(), before.browser(), before.browser()
		early.signIn(alex)
		time.Sleep(5 * time.Hour)
		late.signIn(adele)
		other.signIn(alex)
		time.Sleep(4 * time.Hour) // the first has been idle for too long

		s := newSite(t, idp, onFile(t, killed(t, path)))
		if s.browserWith(early.Jar).user() != "" || s.browserWith(late.Jar).user() != adele || s.browserWith(other.Jar).user() != alex {
			t.Error("the wrong users are signed in")
		}
		if a := s.browserWith(late.Jar).Get("/token"); a.Text != adele {
			t.Errorf("token: %d %s", a.StatusCode, a.Text)
		}
		if n := len(collect(t, s.auth, fibermsal.SessionFilter{})); n != 2 {
			t.Errorf("%d sessions", n)
		}
		tenant, id := userOf(t, s.browserWith(late.Jar))
		byMail := collect(t, s.auth, fibermsal.SessionFilter{Mail: "adelev@contoso.com", TenantID: tenant})
		if of := collect(t, s.auth, fibermsal.SessionFilter{TenantID: tenant, UserID: id}); len(of) != 1 || len(byMail) != 1 || of[0].ID != byMail[0].ID || of[0].LastSeenAt.IsZero() {
			t.Errorf("%+v, %+v", of, byMail)
		}
		worker, err := s.auth.UserByID(t.Context(), tenant, id)
		if err != nil {
			t.Fatal(err)
		}
		if owner, err := ownerOf(t, idp, worker.TokenCredential()); owner != adele {
			t.Errorf("worker: %q, %v", owner, err)
		}
		if n, err := s.auth.EndSessions(t.Context(), fibermsal.SessionFilter{TenantID: tenant, UserID: id}); n != 1 || err != nil {
			t.Errorf("ended %d, %v", n, err)
		}
		if s.browserWith(late.Jar).user() != "" || s.browserWith(other.Jar).user() != alex {
			t.Error("the wrong session ended")
		}
		if report, err := s.auth.CleanSessions(t.Context(), fibermsal.CleanOptions{}); err != nil || report != (fibermsal.CleanReport{Alive: 1, Gone: 1}) {
			t.Errorf("%+v, %v", report, err)
		}
	})
}

func TestEmbedded_AttemptsAreUsedOnceAlsoAcrossARestart(t *testing.T) {
	t.Parallel()
	idp, path := newIDP(t), newStorageFile(t)
	s := newSite(t, idp, onFile(t, path))
	b := s.browser()
	response := b.approve(b.start(""), adele)
	jar := b.Jar.Clone()
	if a := b.Send(response.Request()); a.StatusCode != http.StatusSeeOther || b.session() == "" {
		t.Fatalf("%d %s", a.StatusCode, a.Text)
	}
	again := newSite(t, idp, onFile(t, killed(t, path))).browserWith(jar)
	again.Send(response.Request())
	if again.session() != "" {
		t.Error("the response has signed in a second time")
	}
}

// Sign-ins that are in progress while a user's sessions are ended do not begin a session.
func TestD12_EmbeddedSignInUnderWayBeginsNoSession(t *testing.T) {
	t.Parallel()
	var s *site
	s = newSite(t, newIDP(t), onFile(t, newStorageFile(t)), func(cfg *fibermsal.Config) {
		cfg.OnSignIn = func(ctx context.Context, in *fibermsal.SignIn) error {
			_, err := s.auth.EndSessions(ctx, fibermsal.SessionFilter{TenantID: in.User.TenantID, UserID: in.User.ID})
			return err
		}
	})
	b := s.browser()
	b.Send(b.approve(b.start(""), adele).Request())
	if b.session() != "" || b.user() != "" {
		t.Error("a session began")
	}
}

// If the file cannot be written, users are not signed out. Requests that need a write get 503.
func TestG5_EmbeddedFileThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(string, int, fs.FileMode) (*os.File, error){
		"writes fail":           unwritable,
		"read-only file system": readOnly,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			idp, path := newIDP(t), newStorageFile(t)
			first := newSite(t, idp, onFile(t, path)).browser()
			first.signIn(adele)
			s := newSite(t, idp, onFailing(t, killed(t, path), open))
			b := s.browserWith(first.Jar)
			for range 10 { // more than open a breaker
				newcomer := s.browser()
				if a := newcomer.Send(newcomer.approve(newcomer.start(""), alex).Request()); a.StatusCode != http.StatusServiceUnavailable || newcomer.session() != "" {
					t.Errorf("sign-in: %d %s", a.StatusCode, a.Text)
				}
				if a := b.Get("/guarded"); a.StatusCode != http.StatusOK || a.Text != "hello "+adele {
					t.Errorf("signed in: %d %s", a.StatusCode, a.Text)
				}
			}
			if a := b.Get("/token"); a.Text != adele {
				t.Errorf("token: %d %s", a.StatusCode, a.Text)
			}
			if _, err := s.auth.EndSessions(t.Context(), fibermsal.SessionFilter{Before: time.Now()}); !errors.Is(err, fibermsal.ErrUnavailable) {
				t.Errorf("EndSessions: %v", err)
			}
			if n := s.log.mentions("the session storage is down"); n != 0 {
				t.Errorf("the storage is said to be down %d times", n)
			}
		})
	}
}

func TestEmbedded_OpenNamesTheFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a", "b", "sessions.db")
	if _, err := embedded.Open(path); err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "no such file or directory") {
		t.Errorf("%v", err)
	}
}

func TestEmbedded_LostKeyIsAnErrorAndSignsNobodyOut(t *testing.T) {
	t.Parallel()
	idp, path := newIDP(t), newStorageFile(t)
	newSite(t, idp, onFile(t, path)).browser().signIn(adele)
	copied := killed(t, path)
	if err := os.Remove(copied + ".key"); err != nil {
		t.Fatal(err)
	}
	cfg := configFor(idp)
	onFile(t, copied)(&cfg)
	if _, err := fibermsal.Open(cfg); err == nil || !strings.Contains(err.Error(), copied+".key") {
		t.Errorf("%v", err)
	}
	cfg.Keys = [][]byte{testKey(1)} // which seals from now on
	auth, err := fibermsal.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	_ = auth.Close()
}

// The file of the running app is emptied. No user is signed out, no request waits, and the app can be
// stopped.
func TestG23_EmbeddedFileThatIsEmptied(t *testing.T) {
	t.Parallel()
	path := newStorageFile(t)
	s := newSite(t, newIDP(t), onFile(t, path))
	b, newcomer := s.browser(), s.browser()
	b.signIn(adele)
	response := newcomer.approve(newcomer.start(""), alex)
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	for range 10 { // more than open a breaker
		if a := b.Get("/guarded"); a.StatusCode != http.StatusServiceUnavailable || b.session() == "" {
			t.Fatalf("signed in: %d %s", a.StatusCode, a.Text)
		}
	}
	if a := newcomer.Send(response.Request()); a.StatusCode != http.StatusServiceUnavailable || newcomer.session() != "" {
		t.Errorf("sign-in: %d %s", a.StatusCode, a.Text)
	}
	if _, err := s.auth.EndSessions(t.Context(), fibermsal.SessionFilter{Before: time.Now()}); !errors.Is(err, fibermsal.ErrUnavailable) {
		t.Errorf("EndSessions: %v", err)
	}
}
