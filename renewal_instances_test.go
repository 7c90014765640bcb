package fibermsal_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/internal/figure"
	"github.com/fibermsal/fibermsal/internal/redistest"
)

func TestG11_TwoInstancesRenewAnExpiredTokenOnce(t *testing.T) {
	for name, start := range redistest.Each(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t)
			for name, delay := range map[string]time.Duration{"fast Entra": 0, "slow Entra": 2 * time.Second} {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					idp := newRegistration(t, entratest.WithOneTimeRefreshTokens())
					sites := []*site{newSite(t, idp, on(t, r)), newSite(t, idp, on(t, r))}
					b := sites[0].browser()
					b.signIn(adele)
					b.vault(r).expire()
					idp.Fault(entratest.Token, entratest.Fault{Delay: delay})
					renewOnce(t, sites, b)
				})
			}
		})
	}
}

// renewOnce sends a hundred requests with an expired token to two instances.
func renewOnce(t *testing.T, sites []*site, b *browser) {
	t.Helper()
	b.idp.ResetRequests()
	var wait sync.WaitGroup
	var successes atomic.Int32
	for i := range 100 {
		r := request(http.MethodGet, "/token", "")
		r.AddCookie(b.Jar[sessionCookie])
		wait.Go(func() {
			if a := sites[i%2].send(r); a.Text == adele {
				successes.Add(1)
			}
		})
	}
	wait.Wait()
	if calls := b.idp.Count(entratest.Token); successes.Load() != 100 || calls != 1 {
		t.Errorf("%d of 100 successes, %d token calls\n%s", successes.Load(), calls, sites[0].log)
	}
}

func TestD9_ConcurrentRenewalsForManyScopesLoseNothing(t *testing.T) {
	for name, start := range redistest.Each(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t)
			scopes := []string{"User.Read", "Mail.Read", "Calendars.Read", "Files.Read", "Contacts.Read", "People.Read", "Tasks.Read", "Notes.Read", "Chat.Read", "Presence.Read"}
			idp := newRegistration(t, entratest.WithOneTimeRefreshTokens())
			newOne := func() *site {
				s := newSite(t, idp, on(t, r), func(cfg *fibermsal.Config) { cfg.Scopes = scopes })
				s.app.Get("/token/:scope", func(c *fiber.Ctx) error {
					scope := scopes[0]
					if i, err := strconv.Atoi(c.Params("scope")); err == nil {
						scope = scopes[i]
					}
					token, err := fibermsal.TokenCredential(c).GetToken(c.UserContext(), policy.TokenRequestOptions{Scopes: []string{scope}})
					if err != nil {
						return err
					}
					owner, _ := idp.TokenUser(token.Token)
					return c.SendString(owner)
				})
				return s
			}
			sites := []*site{newOne(), newOne()}
			b := sites[0].browser()
			b.signIn(adele)
			vault := b.vault(r)
			vault.expire()
			// Each answer covers one scope only, so that each needs a renewal of its own.
			idp.TamperTokenResponse(func(_ string, body map[string]any) { body["scope"] = "openid profile " + wanted(idp) })
			var wait sync.WaitGroup
			for i := range 2 * len(scopes) {
				tokenRequest := request(http.MethodGet, "/token/"+strconv.Itoa(i/2), "")
				tokenRequest.AddCookie(b.Jar[sessionCookie])
				wait.Go(func() {
					if a := sites[i%2].send(tokenRequest); a.Text != adele {
						t.Errorf("%s: %d %s\n%s", scopes[i/2], a.StatusCode, a.Text, sites[i%2].log)
					}
				})
			}
			wait.Wait()
			var targets []string
			for _, entry := range vault.accessTokens() {
				targets = append(targets, strings.Fields(str(entry["target"]))...)
			}
			for _, scope := range scopes {
				if !slices.Contains(targets, scope) {
					t.Errorf("%s is lost: %s", scope, targets)
				}
			}
		})
	}
}

// wanted is the scope of the latest token call.
func wanted(idp *entratest.Server) string {
	calls := idp.Requests(entratest.Token)
	for _, scope := range strings.Fields(calls[len(calls)-1].Form.Get("scope")) {
		if strings.Contains(scope, ".") {
			return scope
		}
	}
	return ""
}

func TestD8_SignOutOnAnotherInstanceWinsOverARenewal(t *testing.T) {
	for name, start := range redistest.Each(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t)
			idp := newRegistration(t)
			here, there := newSite(t, idp, on(t, r)), newSite(t, idp, on(t, r))
			rounds := repeats(200)
			for range rounds {
				b := here.browser()
				b.signIn(adele)
				b.vault(r).expire()
				renewal, signOut := request(http.MethodGet, "/token", ""), request(http.MethodPost, "/user/logout", "")
				renewal.AddCookie(b.Jar[sessionCookie])
				signOut.AddCookie(b.Jar[sessionCookie])
				var wait sync.WaitGroup
				wait.Go(func() { here.send(renewal) })
				wait.Go(func() { there.send(signOut) })
				wait.Wait()
				if left := recordsOfSessions(t, keysOf(idp, r.Keys())); len(left) != 0 {
					t.Fatalf("came back: %v", left)
				}
			}
			figure.Report(t, figure.Figure{Row: "R11", Name: "sessions that a renewal brought back after their sign-out", Value: fmt.Sprintf("0 of %d", rounds)})
		})
	}
}

// Sign-ins of a browser whose other tabs continue to send requests. Each of the sign-ins is counted.
func TestD9_CallbacksLoseNothingToPollers(t *testing.T) {
	t.Parallel()
	server, idp := redistest.Start(t), newIDP(t)
	s, other := newSite(t, idp, on(t, server)), newSite(t, idp, on(t, server))
	b := s.browser()
	b.signIn(adele)
	var mu sync.Mutex
	current := b.Jar[sessionCookie]
	ctx, stop := context.WithCancel(t.Context())
	var pollers sync.WaitGroup
	for i := range 4 {
		pollers.Go(func() {
			for ctx.Err() == nil {
				mu.Lock()
				cookie := current
				mu.Unlock()
				r := request(http.MethodGet, "/token", "")
				r.AddCookie(cookie)
				a := []*site{s, other}[i%2].send(r)
				mu.Lock()
				replaced := current != cookie
				mu.Unlock()
				if a.Text != adele && a.StatusCode != http.StatusUnauthorized || a.StatusCode == http.StatusUnauthorized && !replaced {
					// The callback may have ended the session before the browser receives its response.
					r := request(http.MethodGet, "/user/info", "")
					r.AddCookie(cookie)
					if again := s.send(r); a.StatusCode != http.StatusUnauthorized || !strings.Contains(again.Text, `"authenticated":false`) {
						t.Errorf("a poller gets %d %s", a.StatusCode, a.Text)
					}
				}
			}
		})
	}
	lost := 0
	rounds := repeats(300)
	for range rounds {
		b.signIn(adele)
		mu.Lock()
		current = b.Jar[sessionCookie]
		mu.Unlock()
		if b.user() != adele || b.Get("/token").Text != adele {
			lost++
		}
	}
	stop()
	pollers.Wait()
	figure.Report(t, figure.Figure{Row: "R13", Name: "sign-ins lost beside four tabs that poll", Value: fmt.Sprintf("%d of %d", lost, rounds)})
	if lost > 0 {
		t.Errorf("%d of %d sign-ins are lost", lost, rounds)
	}
	if n := len(recordsOfSessions(t, server.Keys())); n != 1 {
		t.Errorf("%d sessions are left", n)
	}
}
