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

// maxLevels ends a chain of managers, which could be circular.
const maxLevels = 12

// org handles GET /org, which shows the user's managers, up to the top or a number of levels. It
// requests User.Read.All, for which users were not asked when they signed in.
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
			break // a contact, for example
		}
		chain = append(chain, personOf(manager))
		id = text(manager.GetId())
	}
	return p.render(c, "org", "Above you", fiber.Map{
		"Chain": chain, "Source": sourceOf(guardedSource),
	})
}

// source:end

// guarded is the content of a page behind a guard.
type guarded struct {
	Lead, Why string
	Facts     []fact
	Guard     template.HTML // the line of Go
}

type fact struct{ Name, Value string }

// recent handles GET /recent, for users who have authenticated recently.
func (p *pages) recent(c *fiber.Ctx) error {
	user, _ := fibermsal.FromContext(c)
	visits, err := p.visits(c, fibermsal.SessionFilter{TenantID: user.TenantID, UserID: user.ID})
	if err != nil {
		return err
	}
	var facts []fact
	for _, v := range visits {
		if v.Here {
			facts = []fact{{"Authenticated", date(v.AuthenticatedAt)}, {"Asked again after", date(v.AuthenticatedAt.Add(5 * time.Minute))}}
		}
	}
	return p.render(c, "guarded", "It is really you", guarded{
		Lead:  "Here you could change where your salary goes. A browser that was left open this morning does not get this far.",
		Why:   "You authenticated less than five minutes ago. Being signed in is not enough.",
		Facts: facts,
		Guard: sourceOfRoute("/recent"),
	})
}

// confirmed handles GET /confirmed, for users who have stepped up.
func (p *pages) confirmed(c *fiber.Ctx) error {
	user, _ := fibermsal.FromContext(c)
	return p.render(c, "guarded", "Stepped up", guarded{
		Lead:  "Here you could approve a payment. Your organization decides what that requires, such as another factor, a known device or a location.",
		Why:   "You meet the requirements of your tenant's Conditional Access for this authentication context.",
		Facts: []fact{{"Context", "c1"}, {"Valid until", date(user.ExpiresAt)}},
		Guard: sourceOfRoute("/confirmed"),
	})
}

// admin handles GET /admin, which shows administrators who is signed in.
func (p *pages) admin(c *fiber.Ctx) error {
	visits, err := p.visits(c, fibermsal.SessionFilter{Before: time.Now()})
	if err != nil {
		return err
	}
	return p.render(c, "admin", "Who is signed in", fiber.Map{
		"Visits": visits, "More": len(visits) == maxVisits, "Guard": sourceOfRoute("/admin"),
	})
}
