package graph_test

import (
	"context"
	"sync"
	"testing"
	"unsafe"

	"github.com/gofiber/fiber/v2"
	abstractions "github.com/microsoft/kiota-abstractions-go"
	"github.com/microsoftgraph/msgraph-sdk-go/models"

	"github.com/fibermsal/fibermsal/graph"
)

// Fifty goroutines share only the connections. Each adapter returns the data of its own user.
func TestH2_IdentitiesNeverMix(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	type caller struct {
		adapter abstractions.RequestAdapter
		oid     string
	}
	var callers []caller
	for _, u := range s.entra.Users() {
		s.signIn(t, u.UPN).run(func(c *fiber.Ctx) error {
			callers = append(callers, caller{graph.Adapter(c), u.ID})
			return nil
		})
	}
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			who := callers[i%len(callers)]
			for range 5 {
				object, err := who.adapter.Send(t.Context(), meRequest(), models.CreateUserFromDiscriminatorValue, odataMapping)
				if err != nil {
					t.Errorf("call %d: %v", i, err)
					return
				}
				if got := *object.(models.Userable).GetId(); got != who.oid {
					t.Errorf("asked for %s, got %s", who.oid, got)
				}
			}
		})
	}
	wg.Wait()
}

// A call may be made in the context of another call, for example by an app's own credential. Each
// is recorded and bounded separately.
func TestH2_ACallInsideACallIsItsOwn(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	b := s.signIn(t, adele)
	called := false
	credential := hookedCredential{fixedCredential{s.entra, s.entra.Issue(patti), s.entra.HTTPClient}, func(ctx context.Context) {
		called = true
		b.run(func(c *fiber.Ctx) error {
			me, err := graph.Me(c).Get(ctx, nil)
			if err != nil || *me.GetDisplayName() != "Adele Vance" {
				t.Errorf("the inner call: %v", err)
			}
			return nil
		})
	}}
	me, err := graph.MeFor(credential).Get(t.Context(), nil)
	if err != nil || *me.GetDisplayName() != "Patti Fernandez" || !called {
		t.Errorf("the outer call: %v", err)
	}
}

func TestH2_OneAdapterServesManyGoroutines(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	var adapter abstractions.RequestAdapter
	s.signIn(t, adele).run(func(c *fiber.Ctx) error {
		adapter = graph.Adapter(c)
		return nil
	})
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			object, err := adapter.Send(context.Background(), meRequest(), models.CreateUserFromDiscriminatorValue, odataMapping)
			if err != nil {
				t.Error(err)
				return
			}
			if got := *object.(models.Userable).GetDisplayName(); got != "Adele Vance" {
				t.Errorf("got %q", got)
			}
		})
	}
	wg.Wait()
}

// Kiota leaves the token in the request object and would send it again for another user.
func TestH2_ARequestObjectUsedForTwoUsersIsEachUsersOwn(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	shared := meRequest()
	for _, login := range []string{adele, patti} {
		want, _ := s.entra.User(login)
		shared.Headers.Add("Authorization", "Bearer "+s.entra.Issue(johanna)) // another library's doing
		s.signIn(t, login).run(func(c *fiber.Ctx) error {
			object, err := graph.Adapter(c).Send(c.UserContext(), shared, models.CreateUserFromDiscriminatorValue, odataMapping)
			if err != nil {
				t.Fatal(err)
			}
			if got := *object.(models.Userable).GetId(); got != want.ID {
				t.Errorf("%s got the data of %s", login, got)
			}
			return nil
		})
		if shared.Headers.ContainsKey("Authorization") {
			t.Error("the token stays in the request object")
		}
	}
}

// The strings of a request are overwritten when it ends (trap T10).
func TestH1_ScopesFromTheRequestOutliveIt(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	b := s.signIn(t, adele)
	var late abstractions.RequestAdapter
	b.run(func(c *fiber.Ctx) error {
		buffer := []byte("User.Read")
		late = graph.Adapter(c, unsafeString(buffer))
		copy(buffer, "XXXXXXXXX")
		return nil
	})
	if _, err := late.Send(t.Context(), meRequest(), models.CreateUserFromDiscriminatorValue, odataMapping); err != nil {
		t.Errorf("after the request: %v", err)
	}
}

// unsafeString returns a string in a buffer that will change, as Fiber's strings are.
func unsafeString(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
