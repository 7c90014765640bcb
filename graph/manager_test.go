package graph_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"testing"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/graph"
)

func TestManager_is_typed(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.signIn(t, adele).run(func(c *fiber.Ctx) error {
		manager, err := graph.Manager(c)
		if err != nil || manager == nil {
			t.Fatalf("got %v, %v", manager, err)
		}
		if *manager.GetDisplayName() != "Miriam Graham" || *manager.GetMail() != "MiriamG@contoso.com" {
			t.Errorf("got %q", *manager.GetDisplayName())
		}
		return nil
	})
}

// The SDK makes something without a name of it.
func TestManager_without_odata_type_is_typed(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	b := s.signIn(t, adele)
	s.entra.Fault(entratest.GraphManager, entratest.Fault{Body: `{"id":"1","displayName":"Miriam Graham"}`})
	b.run(func(c *fiber.Ctx) error {
		manager, err := graph.Manager(c)
		if err != nil || *manager.GetDisplayName() != "Miriam Graham" {
			t.Errorf("got %v", err)
		}
		return nil
	})
}

func TestManager_that_does_not_exist_is_nil(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.signIn(t, patti).run(func(c *fiber.Ctx) error {
		if manager, err := graph.Manager(c); manager != nil || err != nil {
			t.Errorf("got %v, %v", manager, err)
		}
		return nil
	})
}

func TestManager_failures_are_errors(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		fault entratest.Fault
		want  *fibermsal.Error
	}{
		"forbidden":             {entratest.Fault{Status: 403, Body: `{"error":{"code":"Authorization_RequestDenied","message":"m"}}`}, graph.ErrForbidden},
		"404 of something else": {entratest.Fault{Status: 404, Body: `<html>nginx</html>`}, graph.ErrNotFound},
		"not an object":         {entratest.Fault{Body: `[]`}, graph.ErrBadAnswer},
		"down":                  {entratest.Fault{Drop: true}, fibermsal.ErrUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, nil)
			b := s.signIn(t, adele)
			s.entra.Fault(entratest.GraphManager, tt.fault)
			err := b.failure(func(c *fiber.Ctx) error { return errOf(graph.Manager(c)) })
			if !errors.Is(err, tt.want) {
				t.Errorf("got %v", err)
			}
			if got := b.get("/user/manager"); got.status != asError(t, err).Status {
				t.Errorf("the route answers %d: %s", got.status, got.body)
			}
		})
	}
}

func TestManager_scope_is_asked_for(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(cfg *fibermsal.Config) { cfg.Scopes = []string{"User.Read", "User.Read.All"} }, entratest.WithManagerScope("User.Read.All"))
	s.signIn(t, adele).run(func(c *fiber.Ctx) error {
		if manager, err := graph.Manager(c, "User.Read.All"); err != nil || manager == nil {
			t.Errorf("got %v, %v", manager, err)
		}
		return nil
	})
}

func TestRoute_manager_is_JSON(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	got := s.signIn(t, adele).get("/user/manager")
	const want = `{"id":"2b7c52d7-6b10-4a1f-8e4f-1d6f7a2c1b02","displayName":"Miriam Graham","mail":"MiriamG@contoso.com",` +
		`"userPrincipalName":"MiriamG@contoso.com","jobTitle":"Director","department":null,"officeLocation":"131/2103",` +
		`"mobilePhone":null,"businessPhones":["+1 858 555 0109"]}`
	if got.status != http.StatusOK || got.body != want {
		t.Errorf("got %d %s", got.status, got.body)
	}
	checkHeaders(t, got.header, map[string]string{
		"Content-Type": "application/json", "Cache-Control": "no-store, private", "Vary": "Cookie", "X-Content-Type-Options": "nosniff",
	})
}

func TestRoute_manager_of_a_user_without_one_is_a_problem_document(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	got := s.signIn(t, patti).get("/user/manager")
	var problem struct {
		Code   string
		Status int
		Title  string
	}
	if err := json.Unmarshal([]byte(got.body), &problem); err != nil {
		t.Fatal(err)
	}
	if got.status != http.StatusNotFound || problem.Status != 404 || problem.Code != "no_manager" || problem.Title == "" {
		t.Errorf("got %d %s", got.status, got.body)
	}
	checkHeaders(t, got.header, map[string]string{"Content-Type": "application/problem+json", "Cache-Control": "no-store, private"})
}
