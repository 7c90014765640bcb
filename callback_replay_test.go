package fibermsal_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/internal/redistest"
)

func TestA3_ResponseIsGoodUntilEntraIsAsked(t *testing.T) {
	for name, row := range map[string]struct {
		unable, able func(*site)
	}{
		"paused": {pauseEntra, func(*site) { time.Sleep(6 * time.Second) }},
		"another caller finds out whether Entra is back": {
			func(s *site) {
				pauseEntra(s)
				time.Sleep(6 * time.Second)
				s.idp.Fault(entratest.Token, entratest.Fault{Times: 1, Delay: 3 * time.Second})
				go func() { _, _ = s.auth.AppCredential().GetToken(context.Background(), policy.TokenRequestOptions{}) }()
				synctest.Wait()
			},
			func(*site) { time.Sleep(4 * time.Second) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSite(t, newIDP(t, entratest.WithAppPermissions("User.Read.All")))
				b := s.browser()
				response := b.approve(b.start("/guarded"), adele)
				row.unable(s)
				s.idp.ResetRequests()
				for range 3 { // who sees the page reloads it
					if a := b.Send(response.Request()); a.StatusCode != http.StatusServiceUnavailable || a.Header.Get("Retry-After") == "" {
						t.Fatalf("not asked: %d %s", a.StatusCode, a.Text)
					}
				}
				if n := s.idp.Count(entratest.Token); n != 0 {
					t.Errorf("%d token calls", n)
				}
				row.able(s)
				if a := b.Send(response.Request()); a.Location() != "/guarded" || b.user() != adele {
					t.Errorf("again: %d %s\n%s", a.StatusCode, a.Text, s.log)
				}
				if a := b.Send(response.Request()); !strings.Contains(a.Location(), "resume=") || s.idp.Count(entratest.Token) > 2 {
					t.Errorf("once more: %d", a.StatusCode)
				}
			})
		})
	}
}

// pauseEntra lets Entra fail so often that it is no longer called.
func pauseEntra(s *site) {
	s.idp.Fault(entratest.Token, entratest.Fault{Times: 10, Status: http.StatusServiceUnavailable, Body: "down"})
	for range 10 {
		b := s.browser()
		b.Send(b.approve(b.start(""), alex).Request())
	}
}

func TestA3_ResponseIsGoodWhileTheAppsCredentialFails(t *testing.T) {
	t.Parallel()
	var failing atomic.Bool
	idp := newIDP(t)
	b := newSite(t, idp, func(cfg *fibermsal.Config) {
		cfg.ClientSecret = ""
		cfg.Credential = fibermsal.ClientCredentialFunc(func(context.Context) (confidential.Credential, error) {
			if failing.Load() {
				return confidential.Credential{}, errors.New("the vault is down")
			}
			return confidential.NewCredFromSecret(idp.ClientSecret)
		})
	}).browser()
	response := b.approve(b.start(""), adele)
	failing.Store(true)
	if a := b.Send(response.Request()); a.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("meanwhile: %d %s", a.StatusCode, a.Text)
	}
	failing.Store(false)
	if b.Send(response.Request()); b.user() != adele {
		t.Error("the response is spent")
	}
}

func TestA3_ReplayedCallbackSignsInOnce(t *testing.T) {
	t.Parallel()
	for name, count := range map[string]int{"sequential": 2, "concurrent": 20} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newSite(t, newIDP(t)).browser()
			response := b.approve(b.start(""), adele)
			var successes, resumptions atomic.Int32
			var wait sync.WaitGroup
			for range count {
				r := response.Request()
				for _, c := range b.Jar {
					r.AddCookie(c)
				}
				post := func() {
					switch a := b.send(r); {
					case a.StatusCode == http.StatusSeeOther && a.Location() == "/":
						successes.Add(1)
					case strings.Contains(a.Location(), "resume=") && a.Cookie(sessionCookie) == nil:
						resumptions.Add(1)
					}
				}
				if name == "sequential" {
					post()
					continue
				}
				wait.Go(post)
			}
			wait.Wait()
			if successes.Load() != 1 || int(resumptions.Load()) != count-1 {
				t.Errorf("%d successes, %d resumptions of %d", successes.Load(), resumptions.Load(), count)
			}
			if n := b.idp.Count(entratest.Token); n != 1 {
				t.Errorf("%d token calls", n)
			}
		})
	}
}

func TestA3_ReplayToAnotherInstanceSignsInOnce(t *testing.T) {
	for name, start := range redistest.Each(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t)
			idp := newRegistration(t)
			sites := []*site{newSite(t, idp, on(t, r)), newSite(t, idp, on(t, r))}
			b := sites[0].browser()
			response := b.approve(b.start(""), adele)
			var successes atomic.Int32
			var wait sync.WaitGroup
			for i := range 20 {
				again := response.Request()
				for _, c := range b.Jar {
					again.AddCookie(c)
				}
				wait.Go(func() {
					if sites[i%2].send(again).Cookie(sessionCookie) != nil {
						successes.Add(1)
					}
				})
			}
			wait.Wait()
			if successes.Load() != 1 || idp.Count(entratest.Token) > len(sites) { // Entra refuses the second
				t.Errorf("%d successes, %d token calls", successes.Load(), idp.Count(entratest.Token))
			}
		})
	}
}

// Entra accepts a code once, and no instance that learns of the first sign-in relies on that.
func TestA3_AnInstanceRefusesWhatAnotherHasCompleted(t *testing.T) {
	t.Parallel()
	server, idp := redistest.Start(t), newIDP(t)
	var redeemed []byte // what Entra answered first, and answers again
	repeating := func(cfg *fibermsal.Config) {
		cfg.HTTPClient = &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
			if r.Method != http.MethodPost {
				return idp.HTTPClient.Transport.RoundTrip(r)
			}
			if redeemed == nil {
				response, err := idp.HTTPClient.Transport.RoundTrip(r)
				if err != nil {
					return nil, err
				}
				if redeemed, err = io.ReadAll(response.Body); err != nil {
					return nil, err
				}
				_ = response.Body.Close()
			}
			return &http.Response{
				StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}},
				Body: io.NopCloser(bytes.NewReader(redeemed)), ContentLength: int64(len(redeemed)), Request: r,
			}, nil
		})}
	}
	here, there := newSite(t, idp, on(t, server), repeating), newSite(t, idp, on(t, server), repeating)
	b := here.browser()
	response := b.approve(b.start(""), adele)
	first, second := response.Request(), response.Request()
	for _, c := range b.Jar {
		first.AddCookie(c)
		second.AddCookie(c)
	}
	if a := here.send(first); a.Cookie(sessionCookie) == nil {
		t.Fatalf("%d %s", a.StatusCode, a.Text)
	}
	if a := there.send(second); a.Cookie(sessionCookie) != nil || !strings.Contains(a.Location(), "resume=") {
		t.Errorf("again: %d to %q", a.StatusCode, a.Location())
	}
}

func TestG16_ResponseOutlivesAPauseOfEntra(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, newIDP(t))
		s.idp.Fault(entratest.Token, entratest.Fault{Status: 503, Body: "down"})
		for range 10 {
			b := s.browser()
			b.Send(b.approve(b.start(""), adele).Request())
		}
		b := s.browser()
		response := b.approve(b.start(""), adele)
		if a := b.Send(response.Request()); a.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("while Entra is down: %d", a.StatusCode)
		}
		s.idp.ClearFaults()
		time.Sleep(6 * time.Second)
		if a := b.Send(response.Request()); a.StatusCode != http.StatusSeeOther || b.user() != adele {
			t.Errorf("the same response when it is back: %d %s", a.StatusCode, a.Text)
		}
	})
}

// A browser that fetches the callback before the user opens it may do so without keeping its cookies
// (nextcloud/user_oidc#1537, streamlit#15589).
func TestA3_PrefetchOfTheCallbackLeavesTheCodeToTheUser(t *testing.T) {
	t.Parallel()
	for header, value := range map[string]string{
		"Sec-Purpose": "prefetch;anonymous-client-ip", "Purpose": "prefetch", "X-Moz": "prefetch", "X-Purpose": "preview",
	} {
		b := newSite(t, newIDP(t), func(cfg *fibermsal.Config) { cfg.ResponseMode = fibermsal.ResponseModeQuery }).browser()
		response := b.approve(b.start("/guarded"), adele)
		prefetch := response.Request()
		prefetch.Header.Set(header, value)
		apart := b.browserWith(maps.Clone(b.Jar))
		if a := apart.Send(prefetch); a.StatusCode != http.StatusServiceUnavailable || len(a.Cookies()) != 0 || b.idp.Count(entratest.Token) != 0 {
			t.Errorf("%s: %d, cookies %v, %d token calls", header, a.StatusCode, a.Cookies(), b.idp.Count(entratest.Token))
		}
		if a := b.Send(response.Request()); a.Location() != "/guarded" || b.user() != adele {
			t.Errorf("%s: then %d to %q", header, a.StatusCode, a.Location())
		}
	}
}
