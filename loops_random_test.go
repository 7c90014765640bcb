package fibermsal_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
)

// carelessApp is an app of pages that send their users to each other, in, and out, at random.
type carelessApp struct {
	*site
	random *rand.Rand
	does   []string
}

var carelessPages = []string{"/p0", "/p1", "/p2", "/p3"}

func newCarelessApp(t *testing.T, seed uint64) *carelessApp {
	t.Helper()
	a := &carelessApp{random: rand.New(rand.NewPCG(seed, 7))} // the same apps each time
	hook := []error{
		nil, nil, nil, nil, errors.New("no"), fibermsal.ErrClaimsChallenge,
		fibermsal.StartSignIn(fibermsal.SignInOptions{To: a.page()}), fibermsal.SignOut(fibermsal.SignOutOptions{AppOnly: true, To: a.page()}),
	}[a.random.IntN(8)]
	mode := []fibermsal.ResponseMode{fibermsal.ResponseModeFormPost, fibermsal.ResponseModeQuery}[a.random.IntN(2)]
	a.does = append(a.does, fmt.Sprint(mode, ", OnSignIn returns ", hook))
	a.site = newSite(t, newIDP(t), withHook(func(context.Context, *fibermsal.SignIn) error { return hook }),
		func(cfg *fibermsal.Config) { cfg.ResponseMode = mode })
	for _, path := range carelessPages {
		handlers, guarded := []fiber.Handler{a.handler(path)}, a.random.IntN(2) == 0
		if guarded {
			handlers = append([]fiber.Handler{fibermsal.Require()}, handlers...)
			a.does = append(a.does, path+" is guarded")
		}
		routeAll(a.app, path, handlers...)
	}
	return a
}

// page returns a page, or home.
func (a *carelessApp) page() string {
	return []string{"", carelessPages[a.random.IntN(4)], carelessPages[a.random.IntN(4)] + fmt.Sprint("?n=", a.random.IntN(3))}[a.random.IntN(3)]
}

func (a *carelessApp) handler(path string) fiber.Handler {
	to := a.page()
	kind := a.random.IntN(8)
	a.does = append(a.does, fmt.Sprintf("%s does %d, to %q", path, kind, to))
	return func(c *fiber.Ctx) error {
		_, signedIn := fibermsal.FromContext(c)
		switch {
		case kind == 0:
			return fibermsal.StartSignIn(fibermsal.SignInOptions{To: to})
		case kind == 1:
			return fibermsal.StartSignIn(fibermsal.SignInOptions{To: to, Scopes: []string{"Mail.Read"}, LoginHint: adele})
		case kind == 2:
			return fibermsal.StartSignIn(fibermsal.SignInOptions{To: path + "?n=" + c.Query("n") + "x"})
		case kind == 3:
			return fibermsal.SignOut(fibermsal.SignOutOptions{AppOnly: true, To: to})
		case kind == 4:
			return fibermsal.ErrLoginRequired
		case kind == 5:
			return fibermsal.ClaimsChallenge(`{"access_token":{"nbf":{"essential":true,"value":"1635527790"}}}`)
		case kind == 6 || !signedIn:
			return redirect(c, "/"+strings.TrimPrefix(to, "/"))
		}
		return fibermsal.ErrForbidden
	}
}

// For any combination of pages and hooks, repeated single sign-on ends. Either a page is shown, or the
// browser's limit of redirects is exceeded.
func TestB14_NoAppSignsInForever(t *testing.T) {
	t.Parallel()
	for seed := range uint64(repeats(1_000)) {
		a := newCarelessApp(t, seed)
		b := a.browser()
		last, signIns := b.Navigate(carelessPages[seed%4]), 0
		for redirects := 0; last.Location() != "" && redirects < 20 && signIns < 40; redirects++ {
			if to := strings.TrimPrefix(last.Location(), publicURL); strings.HasPrefix(to, "/") {
				last = b.Navigate(to)
				continue
			}
			signIns, redirects = signIns+1, 0 // Entra's page may be in between
			last = b.Send(b.approve(last.Location(), adele).Request())
		}
		if signIns >= 40 || last.StatusCode >= 500 {
			t.Errorf("app %d: %d to %q after %d sign-ins\n%s", seed, last.StatusCode, last.Location(), signIns, strings.Join(a.does, "\n"))
		}
	}
}
