package graph_test

import (
	"errors"
	"testing"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/graph"
)

func TestManager_IsTyped(t *testing.T) {
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

// The SDK would return an object without a name.
func TestManager_WithoutODataTypeIsTyped(t *testing.T) {
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

func TestManager_MissingManagerIsNil(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.signIn(t, patti).run(func(c *fiber.Ctx) error {
		if manager, err := graph.Manager(c); manager != nil || err != nil {
			t.Errorf("got %v, %v", manager, err)
		}
		return nil
	})
}

func TestManager_FailuresAreErrors(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		fault entratest.Fault
		want  error
	}{
		"forbidden":             {entratest.Fault{Status: 403, Body: `{"error":{"code":"Authorization_RequestDenied","message":"m"}}`}, graph.ErrAccessDenied},
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
			if got := b.Get("/user/manager"); got.StatusCode != asError(t, err).Status {
				t.Errorf("the route answers %d: %s", got.StatusCode, got.Text)
			}
		})
	}
}

func TestManager_ScopeIsRequested(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(cfg *fibermsal.Config) { cfg.Scopes = []string{"User.Read", "User.Read.All"} }, entratest.WithManagerScope("User.Read.All"))
	s.signIn(t, adele).run(func(c *fiber.Ctx) error {
		if manager, err := graph.Manager(c, "User.Read.All"); err != nil || manager == nil {
			t.Errorf("got %v, %v", manager, err)
		}
		return nil
	})
}
