package fibermsal_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/fibermsal/fibermsal"
)

func TestD1_EverySignInBeginsANewSessionAndEndsTheOld(t *testing.T) {
	t.Parallel()
	for _, mode := range []fibermsal.ResponseMode{fibermsal.ResponseModeFormPost, fibermsal.ResponseModeQuery} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			l := newLedger()
			s := newSite(t, newIDP(t), onLedger(l), func(cfg *fibermsal.Config) { cfg.ResponseMode = mode })
			attacker, victim := s.browser(), s.browser()
			attacker.signIn(alex)
			planted := attacker.session()
			victim.Jar[sessionCookie] = attacker.Jar[sessionCookie]
			victim.signIn(adele)
			if victim.session() == planted {
				t.Error("the planted id was adopted")
			}
			if victim.user() != adele || attacker.user() != "" {
				t.Errorf("victim %q, attacker %q", victim.user(), attacker.user())
			}
			if n := len(l.keys()); n != 2 {
				t.Errorf("%d records, want the session and its tokens: %v", n, l.keys())
			}
			before := victim.session()
			victim.signIn(adele)
			if victim.session() == before {
				t.Error("signing in again kept the id")
			}
		})
	}
}

func TestD1_SessionGainedMeanwhileEndsToo(t *testing.T) {
	t.Parallel()
	l := newLedger()
	s := newSite(t, newIDP(t), onLedger(l), func(cfg *fibermsal.Config) { cfg.ResponseMode = fibermsal.ResponseModeQuery })
	b, other := s.browser(), s.browser()
	response := b.approve(b.start(""), adele)
	other.signIn(alex)
	b.Jar[sessionCookie] = other.Jar[sessionCookie]
	b.Send(response.Request())
	if b.user() != adele || other.user() != "" || len(l.keys()) != 2 {
		t.Errorf("%q, %q, %v", b.user(), other.user(), l.keys())
	}
}

func TestD1_OldSessionThatCannotEndStopsTheSignIn(t *testing.T) {
	t.Parallel()
	l := newLedger()
	b := newSite(t, newIDP(t), onLedger(l)).browser()
	b.signIn(adele)
	response := b.approve(b.start(""), alex)
	l.failDeletes(true)
	a := b.Send(response.Request())
	l.failDeletes(false)
	if a.StatusCode != http.StatusServiceUnavailable || a.Cookie(sessionCookie) != nil || b.user() != adele {
		t.Errorf("status %d, user %q", a.StatusCode, b.user())
	}
}

func TestD13_AnotherAccountInTheSameBrowserFindsNothingOfTheFirst(t *testing.T) {
	t.Parallel()
	s := newSite(t, newIDP(t), withHook(func(_ context.Context, s *fibermsal.SignIn) error {
		return s.Set("first_seen_as", s.User.Username)
	}))
	b := s.browser()
	b.signIn(adele)
	first := b.Jar[sessionCookie]
	b.signIn(alex)
	info := b.Get("/user/info")
	if b.user() != alex || strings.Contains(info.Text, adele) || b.Get("/token").Text != alex {
		t.Errorf("%s", info.Text)
	}
	b.Jar[sessionCookie] = first
	if b.user() != "" {
		t.Error("the first session lives on")
	}
}

func TestSession_RememberedOneIsDroppedWhenTheRecordChanges(t *testing.T) {
	t.Parallel()
	l := newLedger()
	s := newSite(t, newIDP(t), onLedger(l))
	mine, theirs := s.browser(), s.browser()
	mine.signIn(adele)
	key := l.key("s")
	if mine.user() != adele { // decoded and remembered now
		t.Fatal("not signed in")
	}
	theirs.signIn(alex)
	for _, other := range l.keys() {
		if strings.HasSuffix(other, ":s") && other != key {
			l.copy(other, key)
		}
	}
	if got := mine.user(); got != "" {
		t.Errorf("signed in as %q by a record that does not open", got)
	}
}

func TestSession_NewerFormatsAreLeftAlone(t *testing.T) {
	t.Parallel()
	l := newLedger()
	b := newSite(t, newIDP(t), onLedger(l)).browser()
	b.signIn(adele)
	key := l.key("s")
	l.change(func(values map[string][]byte) {
		newer := append([]byte{}, values[key]...)
		newer[0] = 3
		values[key] = newer
	})
	if b.user() != "" || b.session() == "" || l.key("s") == "" {
		t.Error("an instance that is one release behind must not end the session")
	}
}
