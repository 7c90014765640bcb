package naive_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal/internal/redistest"
)

// Without faults and without concurrency the app works, so its figures are meaningful.
func TestApp_SignsInGetsTokensAndSignsOut(t *testing.T) {
	t.Parallel()
	for name, storage := range map[string]func(*testing.T) fiber.Storage{
		"memory": func(*testing.T) fiber.Storage { return nil },
		"Redis":  func(t *testing.T) fiber.Storage { t.Helper(); return onRedis(t, redistest.Start(t).URL) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newApp(t, newIDP(t), storage(t))
			v := newVisitor(t, adele)
			v.mustSignInBriefly(a)
			for range 3 { // the first renews it, the others find it in the session
				if !v.isServed(a, "/token") {
					t.Fatalf("no token\n%s", a.log)
				}
			}
			if n := tokenCalls(a.idp); n != 1 {
				t.Errorf("%d token calls", n)
			}
			kept := v.withItsCookie()
			out := v.signOut(a)
			if out.StatusCode != http.StatusFound || !strings.HasPrefix(out.Location(), a.idp.Authority) || v.session() != "" {
				t.Errorf("sign-out: status %d, Location %q, cookie %q", out.StatusCode, out.Location(), v.session())
			}
			if status := kept.get(a, "/me").StatusCode; status != http.StatusUnauthorized {
				t.Errorf("after the sign-out: status %d", status)
			}
			v.mustSignIn(a)
		})
	}
}

func TestApp_RefusesAnswersOfOtherBrowsers(t *testing.T) {
	t.Parallel()
	a := newApp(t, newIDP(t), nil)
	response, err := a.idp.SignIn(newVisitor(t, adele).get(a, "/login").Location(), adele)
	if err != nil {
		t.Fatal(err)
	}
	if status := newVisitor(t, adele).send(a, response.Request()).StatusCode; status != http.StatusBadRequest {
		t.Errorf("status %d", status)
	}
}
