package main

import (
	"errors"
	"html/template"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/microsoftgraph/msgraph-sdk-go/models"
	"github.com/microsoftgraph/msgraph-sdk-go/users"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/graph"
)

// maxLevels ends a chain of managers, should it go round in a circle.
const maxLevels = 12

// org handles GET /org: who is above the user, up to the top or so many levels. Nobody
// was asked for User.Read.All when they signed in; here they are.
//
// source:start
func (p *pages) org(c *fiber.Ctx) error {
	user, _ := fibermsal.FromContext(c)
	ctx, id := c.UserContext(), user.ID
	everybody := users.NewUsersRequestBuilderInternal(nil,
		graph.Adapter(c, "User.Read.All")) // not granted?
	chain := []*person{{Name: user.Name}}
	levels := min(c.QueryInt("levels", maxLevels), maxLevels)
	for len(chain) <= levels {
		above, err := everybody.ByUserId(id).Manager().Get(ctx, nil)
		if errors.Is(err, graph.ErrNotFound) {
			break // the top
		}
		if err != nil {
			return err // then it is asked for
		}
		manager, ok := above.(models.Userable)
		if !ok {
			break // somebody's contact
		}
		chain = append(chain, personOf(manager))
		id = text(manager.GetId())
	}
	return p.render(c, "org", "Above you", fiber.Map{
		"Chain": chain, "Source": sourceOf(guardedSource),
	})
}

// source:end

// guarded is what the page behind a guard shows.
type guarded struct {
	Lead, Why string
	Facts     []fact
	Guard     template.HTML // the line of Go
}

type fact struct{ Name, Value string }

// recent handles GET /recent, for who has just proven who they are.
func (p *pages) recent(c *fiber.Ctx) error {
	user, _ := fibermsal.FromContext(c)
	visits, err := p.visits(c, fibermsal.SessionFilter{TenantID: user.TenantID, UserID: user.ID})
	if err != nil {
		return err
	}
	var facts []fact
	for _, v := range visits {
		if v.Here {
			facts = []fact{{"Proven", date(v.AuthenticatedAt)}, {"Asked again after", date(v.AuthenticatedAt.Add(5 * time.Minute))}}
		}
	}
	return p.render(c, "guarded", "It is really you", guarded{
		Lead:  "Here you could change where your salary goes. A browser that was left open this morning does not get this far.",
		Why:   "You have proven who you are less than five minutes ago, not just been signed in.",
		Facts: facts,
		Guard: sourceOfRoute("/recent"),
	})
}

// confirmed handles GET /confirmed, for who has stepped up.
func (p *pages) confirmed(c *fiber.Ctx) error {
	user, _ := fibermsal.FromContext(c)
	return p.render(c, "guarded", "Stepped up", guarded{
		Lead:  "Here you could approve a payment. Your organization decides what proof that takes: another factor, a device it knows, a place.",
		Why:   "You meet what your tenant's Conditional Access demands for this authentication context.",
		Facts: []fact{{"Context", "c1"}, {"Good until", date(user.ExpiresAt)}},
		Guard: sourceOfRoute("/confirmed"),
	})
}

// admin handles GET /admin, for administrators: who is signed in.
func (p *pages) admin(c *fiber.Ctx) error {
	visits, err := p.visits(c, fibermsal.SessionFilter{Before: time.Now()})
	if err != nil {
		return err
	}
	return p.render(c, "admin", "Who is signed in", fiber.Map{
		"Visits": visits, "More": len(visits) == maxVisits, "Guard": sourceOfRoute("/admin"),
	})
}
