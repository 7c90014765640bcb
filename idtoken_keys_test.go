package fibermsal_test

import (
	"crypto/rand"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fibermsal/fibermsal/entratest"
)

func TestB2_RotatedKeysAreFetchedOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t, newIDP(t))
	s.browser().signIn(adele)
	s.idp.RotateKeys()
	s.idp.RemoveOldKeys()
	s.idp.ResetRequests()
	s.browser().signIn(adele)
	s.browser().signIn(alex)
	if n := s.idp.Count(entratest.Keys); n != 1 {
		t.Errorf("%d calls for keys after the rotation, want 1", n)
	}
	if n := s.idp.Count(entratest.Discovery); n != 0 {
		t.Errorf("%d discovery calls", n)
	}
}

func TestB2_UnknownKeyIDsDoNotFloodTheAuthority(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, newIDP(t))
		s.idp.TamperIDToken(func(token *entratest.IDToken) { token.Header["kid"] = rand.Text() })
		for range 10 { // in ten seconds
			var wait sync.WaitGroup
			for range repeats(1000) / 10 { // at once
				wait.Go(func() {
					b := s.browser()
					if a := b.Send(b.approve(b.start(""), adele).Request()); a.StatusCode != http.StatusBadRequest {
						t.Errorf("status %d", a.StatusCode)
					}
				})
			}
			wait.Wait()
			time.Sleep(time.Second)
		}
		if !strings.Contains(s.log.String(), "id_token_signature") {
			t.Error("not for their signatures")
		}
		if n := s.idp.Count(entratest.Keys); n > 2 {
			t.Errorf("%d calls for keys in 10 seconds", n)
		}
		s.idp.TamperIDToken(nil)
		s.browser().signIn(adele)
	})
}

func TestB2_TokenWithoutKeyIDIsTriedWithThePublishedKeys(t *testing.T) {
	t.Parallel()
	s := newSite(t, newIDP(t))
	s.idp.RotateKeys() // two keys are published now
	s.idp.TamperIDToken(func(token *entratest.IDToken) { delete(token.Header, "kid") })
	s.browser().signIn(adele)
}

func TestB2_OldKeysServeWhileNoneCanBeHad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, newIDP(t))
		s.browser().signIn(adele)
		time.Sleep(25 * time.Hour)
		s.idp.Fault(entratest.Keys, entratest.Fault{Status: 503})
		s.idp.Fault(entratest.Discovery, entratest.Fault{Drop: true})
		s.browser().signIn(adele)
		time.Sleep(25 * time.Hour) // too old now, for keys and for endpoints
		if a := s.browser().Navigate("/user/login"); a.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("login: status %d", a.StatusCode)
		}
		s.idp.ClearFaults()
		time.Sleep(time.Minute)
		s.browser().signIn(adele)
	})
}

func TestB2_KeysDownAtTheFirstSignInIsA503(t *testing.T) {
	t.Parallel()
	b := newSite(t, newIDP(t)).browser()
	b.idp.Fault(entratest.Keys, entratest.Fault{Status: 500})
	a := b.Send(b.approve(b.start(""), adele).Request())
	if a.StatusCode != http.StatusServiceUnavailable || a.Header.Get("Retry-After") == "" {
		t.Errorf("status %d\n%s", a.StatusCode, b.log)
	}
}
