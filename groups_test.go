package fibermsal_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
)

const (
	inGroup  = "22222222-2222-2222-2222-22222222aaaa"
	notGroup = "33333333-3333-3333-3333-333333333333"
)

func TestB12_GroupsFailClosed(t *testing.T) {
	t.Parallel()
	type groupsFunc = func(context.Context, azcore.TokenCredential, []string) ([]string, error)
	calls := map[string]int{}
	resolver := func(name string, of []string, err error) groupsFunc {
		return func(ctx context.Context, user azcore.TokenCredential, _ []string) ([]string, error) {
			calls[name]++
			if token, tokenErr := user.GetToken(ctx, policy.TokenRequestOptions{}); tokenErr != nil || token.Token == "" {
				t.Errorf("%s: no token for the resolver: %v", name, tokenErr)
			}
			return of, err
		}
	}
	none := func(claims map[string]any) { delete(claims, "groups") }
	overage := func(claims map[string]any) {
		delete(claims, "groups")
		claims["_claim_names"] = map[string]string{"groups": "src1"}
		claims["_claim_sources"] = map[string]any{"src1": map[string]string{"endpoint": "https://graph.windows.net/t/users/o/getMemberObjects"}}
	}
	// A registration may emit the names of synchronized groups (dependency-track#2150).
	names := func(claims map[string]any) { claims["groups"] = []string{`CONTOSO\Staff`, "Portal Admins"} }
	for name, row := range map[string]struct {
		claims   func(map[string]any)
		resolver groupsFunc
		status   int
		calls    int
	}{
		"named":                 {func(c map[string]any) { c["groups"] = []string{notGroup, strings.ToUpper(inGroup)} }, nil, 200, 0},
		"not named":             {func(c map[string]any) { c["groups"] = []string{notGroup} }, resolver("not named", []string{inGroup}, nil), 403, 0},
		"no claim":              {none, nil, 403, 0},
		"too many":              {overage, nil, 403, 0},
		"too many, implicit":    {func(c map[string]any) { none(c); c["hasgroups"] = true }, nil, 403, 0},
		"too many, member":      {overage, resolver("too many, member", []string{inGroup}, nil), 200, 1},
		"no claim, member":      {none, resolver("no claim, member", []string{strings.ToUpper(inGroup)}, nil), 200, 1},
		"names, member":         {names, resolver("names, member", []string{inGroup}, nil), 200, 1},
		"names, no member":      {names, resolver("names, no member", nil, nil), 403, 1},
		"names alone":           {names, nil, 403, 0},
		"names beside the ID":   {func(c map[string]any) { c["groups"] = []string{`CONTOSO\Staff`, inGroup} }, nil, 200, 0},
		"no member":             {overage, resolver("no member", []string{notGroup}, nil), 403, 1},
		"nothing known":         {overage, resolver("nothing known", nil, nil), 403, 1},
		"fails":                 {overage, resolver("fails", []string{inGroup}, errOfTheApp), 503, 3},
		"refused by its policy": {overage, resolver("refused by its policy", nil, fibermsal.ErrForbidden), 403, 3},
	} {
		s := newSite(t, newIDP(t), func(cfg *fibermsal.Config) { cfg.Groups = row.resolver })
		s.app.Get("/group", fibermsal.Require(fibermsal.InGroup(strings.ToUpper(inGroup))), func(c *fiber.Ctx) error { return c.SendString("shown") })
		s.idp.TamperIDToken(func(token *entratest.IDToken) { row.claims(token.Claims) })
		b := s.browser()
		b.signIn(adele)
		for range 3 {
			if a := b.Get("/group"); a.StatusCode != row.status || (a.Text == "shown") != (row.status == http.StatusOK) {
				t.Errorf("%s: %d %s", name, a.StatusCode, a.Text)
			}
		}
		if calls[name] != row.calls {
			t.Errorf("%s: asked %d times", name, calls[name])
		}
	}
}

// Checks may use the names of groups in the claim. Graph is not asked about names, because it accepts
// only IDs.
func TestB12_GroupsCheckedByNameAreThoseOfTheClaim(t *testing.T) {
	t.Parallel()
	s := newSite(t, newIDP(t), func(cfg *fibermsal.Config) {
		cfg.Groups = func(context.Context, azcore.TokenCredential, []string) ([]string, error) {
			t.Error("asked about names")
			return nil, errOfTheApp
		}
	})
	s.idp.TamperIDToken(func(token *entratest.IDToken) { token.Claims["groups"] = []string{`CONTOSO\Staff`, notGroup} })
	shown := func(c *fiber.Ctx) error { return c.SendString("shown") }
	s.app.Get("/staff", fibermsal.Require(fibermsal.InGroup(`contoso\staff`)), shown)
	s.app.Get("/admins", fibermsal.Require(fibermsal.InGroup(`contoso\admins`)), shown)
	b := s.browser()
	b.signIn(adele)
	if a := b.Get("/staff"); a.Text != "shown" {
		t.Errorf("%d %s", a.StatusCode, a.Text)
	}
	if a := b.Get("/admins"); a.StatusCode != http.StatusForbidden {
		t.Errorf("%d %s", a.StatusCode, a.Text)
	}
}

func TestB12_ConcurrentChecksAskForGroupsOnce(t *testing.T) {
	for name, row := range map[string]struct {
		of     []string
		err    error
		panics bool
		status int
		calls  int32 // of two waves
	}{
		"member":    {of: []string{inGroup}, status: 200, calls: 1},
		"no member": {of: []string{notGroup}, status: 403, calls: 1},
		"fails":     {of: []string{inGroup}, err: errOfTheApp, status: 503, calls: 2},
		"panics":    {panics: true, status: 500, calls: 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var calls atomic.Int32
				s := newSite(t, newIDP(t), func(cfg *fibermsal.Config) {
					cfg.Groups = func(ctx context.Context, user azcore.TokenCredential, _ []string) ([]string, error) {
						calls.Add(1)
						time.Sleep(time.Second)
						if row.panics {
							panic("the app's own")
						}
						if _, err := user.GetToken(ctx, policy.TokenRequestOptions{}); err != nil {
							t.Error(err)
						}
						return row.of, row.err
					}
				})
				s.app.Get("/group", fibermsal.Require(fibermsal.InGroup(inGroup)), func(c *fiber.Ctx) error { return c.SendString("shown") })
				s.idp.TamperIDToken(func(token *entratest.IDToken) { delete(token.Claims, "groups") })
				b, other := s.browser(), s.browser()
				b.signIn(adele)
				other.signIn(alex)
				for range 2 {
					var wait sync.WaitGroup
					for range 50 {
						r := request(http.MethodGet, "/group", "")
						r.AddCookie(b.Jar[sessionCookie])
						wait.Go(func() {
							if a := b.send(r); a.StatusCode != row.status || (a.Text == "shown") != (row.status == http.StatusOK) {
								t.Errorf("%d %s", a.StatusCode, a.Text)
							}
						})
					}
					wait.Wait()
				}
				if n := calls.Load(); n != row.calls {
					t.Errorf("asked %d times", n)
				}
				if other.Get("/group"); calls.Load() != row.calls+1 {
					t.Error("another user was not asked about")
				}
			})
		})
	}
}

func TestB12_NobodyWaitsForGroupsLongerThanTheyWant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, newIDP(t), func(cfg *fibermsal.Config) {
			cfg.Groups = func(ctx context.Context, _ azcore.TokenCredential, _ []string) ([]string, error) {
				select {
				case <-time.After(3 * time.Second):
					return []string{inGroup}, nil
				case <-ctx.Done():
					return nil, ctx.Err()
				}
			}
		})
		s.app.Get("/group/:patience", func(c *fiber.Ctx) error {
			patience, _ := time.ParseDuration(c.Params("patience"))
			ctx, cancel := context.WithTimeout(c.UserContext(), patience)
			defer cancel()
			c.SetUserContext(ctx)
			return c.Next()
		}, fibermsal.Require(fibermsal.InGroup(inGroup)), func(c *fiber.Ctx) error { return c.SendString("shown") })
		s.idp.TamperIDToken(func(token *entratest.IDToken) { delete(token.Claims, "groups") })
		b := s.browser()
		b.signIn(adele)
		var wait sync.WaitGroup
		for patience, want := range map[string]struct {
			status int
			after  time.Duration
		}{"100ms": {503, 100 * time.Millisecond}, "1s": {503, time.Second}, "1h": {200, 3 * time.Second}} {
			r := request(http.MethodGet, "/group/"+patience, "")
			r.AddCookie(b.Jar[sessionCookie])
			wait.Go(func() {
				began := time.Now()
				if a := b.send(r); a.StatusCode != want.status || time.Since(began) != want.after {
					t.Errorf("%s: %d after %v", patience, a.StatusCode, time.Since(began))
				}
			})
		}
		wait.Wait()
	})
}

func TestB12_QuestionsAboutGroupsAreKeptApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		s := newSite(t, newIDP(t), func(cfg *fibermsal.Config) {
			cfg.Groups = func(context.Context, azcore.TokenCredential, []string) ([]string, error) {
				calls++
				return []string{inGroup}, nil
			}
		})
		shown := func(c *fiber.Ctx) error { return c.SendString("shown") }
		s.app.Get("/either", fibermsal.Require(fibermsal.InGroup(inGroup, notGroup)), shown)
		s.app.Get("/of", func(c *fiber.Ctx) error { return fibermsal.Require(fibermsal.InGroup(c.Query("id")))(c) }, shown)
		s.idp.TamperIDToken(func(token *entratest.IDToken) { delete(token.Claims, "groups") })
		b := s.browser()
		b.signIn(adele)
		if a := b.Get("/either"); a.Text != "shown" {
			t.Fatalf("%d %s", a.StatusCode, a.Text)
		}
		if a := b.Get("/of?id=" + inGroup + "%20" + notGroup); a.StatusCode != http.StatusForbidden {
			t.Errorf("a group that is none: %d", a.StatusCode)
		}
		for i := range 100 { // more than are remembered
			b.Get(fmt.Sprintf("/of?id=%d", i))
		}
		time.Sleep(6 * time.Minute)
		calls = 0
		for range 10 {
			if a := b.Get("/of?id=" + inGroup); a.Text != "shown" {
				t.Errorf("%d %s", a.StatusCode, a.Text)
			}
		}
		if calls != 1 {
			t.Errorf("asked %d times, although what was remembered counts no longer", calls)
		}
	})
}

func TestB12_HugeClaimsDoNotReachTheCookie(t *testing.T) {
	t.Parallel()
	s := newSite(t, newIDP(t))
	many := make([]string, 1000)
	for i := range many {
		many[i] = fmt.Sprintf("%08d-0000-0000-0000-000000000000", i)
	}
	s.app.Get("/group", fibermsal.Require(fibermsal.InGroup(many[999])), func(c *fiber.Ctx) error { return c.SendString("shown") })
	s.idp.TamperIDToken(func(token *entratest.IDToken) {
		token.Claims["groups"] = many
		token.Claims["roles"] = many[:150]
	})
	b := s.browser()
	b.signIn(adele)
	if len(b.Jar[sessionCookie].String()) > 200 || b.user() != adele {
		t.Errorf("cookie %d bytes, %q is signed in", len(b.Jar[sessionCookie].String()), b.user())
	}
	if a := b.Get("/group"); a.StatusCode != http.StatusForbidden && a.Text != "shown" {
		t.Errorf("%d %s", a.StatusCode, a.Text)
	}
}

func TestGroups_MembershipsDoNotAliasTheRequest(t *testing.T) {
	const mine = "11111111-aaaa-0000-0000-000000000001"
	s := newSite(t, newIDP(t), func(cfg *fibermsal.Config) {
		cfg.Groups = func(context.Context, azcore.TokenCredential, []string) ([]string, error) { return []string{mine}, nil }
	})
	s.idp.TamperIDToken(func(token *entratest.IDToken) { delete(token.Claims, "groups") })
	s.app.Get("/team/:id", func(c *fiber.Ctx) error {
		return fibermsal.Require(fibermsal.InGroup(c.Params("id")))(c)
	}, func(c *fiber.Ctx) error { return c.SendString("shown") })
	for range 100 { // a map compares 7 bits of a hash first: one question in 128 is answered wrongly
		b := s.browser()
		b.signIn(adele)
		b.Get("/team/" + mine)
		for i := range 8 {
			if a := b.Get(fmt.Sprintf("/team/22222222-bbbb-0000-0000-%012d", i)); a.StatusCode != http.StatusForbidden {
				t.Fatalf("let into a team of strangers: %d %s", a.StatusCode, a.Text)
			}
		}
	}
}
