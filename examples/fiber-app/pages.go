package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gofiber/fiber/v2"
	"github.com/microsoftgraph/msgraph-sdk-go/models"
	"github.com/microsoftgraph/msgraph-sdk-go/users"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/graph"
)

// pages contains the app's handlers and what they share.
type pages struct {
	settings *settings
	auth     *fibermsal.Auth
	source   template.HTML // of the handler of /graph
}

// page is the data for every template.
type page struct {
	Title    string
	Base     string          // the path below which browsers reach the app, or ""
	Path     string          // of the page, below Base
	Here     string          // the same with its query, to return to, or "" if this answers a form or is an error
	User     *fibermsal.User // nil if no user is signed in
	Emulated bool
	Content  any
}

// render renders a page with the signed-in user, if any.
func (p *pages) render(c *fiber.Ctx, view, title string, content any) error {
	user, _ := fibermsal.FromContext(c)
	here := ""
	if c.Method() == fiber.MethodGet && c.Response().StatusCode() == fiber.StatusOK {
		here = c.OriginalURL()
	}
	return c.Render(view, page{
		Title: title, Base: p.settings.base(), Path: strings.TrimPrefix(c.Path(), p.settings.mount()), Here: here,
		User: user, Emulated: p.settings.emulated, Content: content,
	})
}

// home handles GET /, which needs no sign-in.
func (p *pages) home(c *fiber.Ctx) error {
	return p.render(c, "home", "Sign in with Microsoft", fiber.Map{"Ended": c.Query("ended")})
}

// person is a person on the profile page.
type person struct{ Name, Title, Mail, Login, Office, Phone, Language string }

func personOf(u models.Userable) *person {
	return &person{
		Name: text(u.GetDisplayName()), Title: text(u.GetJobTitle()), Mail: text(u.GetMail()),
		Login: text(u.GetUserPrincipalName()), Office: text(u.GetOfficeLocation()),
		Phone:    firstOf(append(u.GetBusinessPhones(), text(u.GetMobilePhone()))),
		Language: text(u.GetPreferredLanguage()),
	}
}

// profile handles GET /profile, which shows the user and the user's manager. The picture is an <img> of
// /user/photo.
func (p *pages) profile(c *fiber.Ctx) error {
	me, err := graph.Me(c).Get(c.UserContext(), selecting("displayName", "jobTitle", "mail",
		"userPrincipalName", "officeLocation", "businessPhones", "mobilePhone", "preferredLanguage"))
	if err != nil {
		return err
	}
	manager, err := graph.Manager(c)
	// Some tenants require User.Read.All for managers. The rest of the page is shown without it.
	hidden := errors.Is(err, graph.ErrAccessDenied)
	if err != nil && !hidden {
		return err
	}
	content := struct {
		Me, Manager *person
		Hidden      bool
	}{Me: personOf(me), Hidden: hidden}
	if manager != nil {
		content.Manager = personOf(manager)
	}
	return p.render(c, "profile", content.Me.Name, content)
}

// typed handles GET /graph, which shows the result of a typed call next to the source of the call,
// which is the text between the two markers below.
//
// source:start
func (p *pages) typed(c *fiber.Ctx) error {
	me, err := graph.Me(c).Get(c.UserContext(), selecting(
		"id", "displayName", "givenName", "surname", "jobTitle",
		"mail", "userPrincipalName", "officeLocation",
		"mobilePhone"))
	if err != nil {
		return err // an expired token or a missing consent is handled by the middleware
	}
	return p.render(c, "typed", "A typed Graph call", fiber.Map{
		"Source": p.source,
		"Properties": []property{
			{"Id", me.GetId()},
			{"DisplayName", me.GetDisplayName()},
			{"GivenName", me.GetGivenName()},
			{"Surname", me.GetSurname()},
			{"JobTitle", me.GetJobTitle()},
			{"Mail", me.GetMail()},
			{"UserPrincipalName", me.GetUserPrincipalName()},
			{"OfficeLocation", me.GetOfficeLocation()},
			{"MobilePhone", me.GetMobilePhone()},
		},
	})
}

// source:end

// property is a property and its value, which is nil if Graph returned null.
type property struct {
	Name  string
	Value *string
}

// selecting returns the configuration of a request for these properties only ($select).
func selecting(properties ...string) *users.UserItemRequestBuilderGetRequestConfiguration {
	return &users.UserItemRequestBuilderGetRequestConfiguration{
		QueryParameters: &users.UserItemRequestBuilderGetQueryParameters{Select: properties},
	}
}

// session handles GET /session, which shows what the app knows without calling Graph.
func (p *pages) session(c *fiber.Ctx) error {
	user, ok := fibermsal.FromContext(c)
	if !ok {
		return fibermsal.ErrLoginRequired // cannot happen behind Require
	}
	visits, err := p.visits(c, fibermsal.SessionFilter{TenantID: user.TenantID, UserID: user.ID})
	if err != nil {
		return err
	}
	auth := &p.settings.auth
	return p.render(c, "session", "Your session", fiber.Map{
		"Idle":    auth.IdleTimeout,
		"Left":    time.Until(user.ExpiresAt),
		"Whole":   auth.AbsoluteTimeout,
		"Storage": p.settings.storageKind(),
		"Visits":  visits,
	})
}

// maxVisits is how many sessions a page lists.
const maxVisits = 20

// visit is a session in the list on a page.
type visit struct {
	fibermsal.SessionInfo
	Here bool // whether it is the session of this browser
}

// visits returns the first maxVisits sessions that a filter selects.
func (p *pages) visits(c *fiber.Ctx, filter fibermsal.SessionFilter) (visits []visit, err error) {
	own, _ := fibermsal.SessionFromContext(c)
	for s, err := range p.auth.Sessions(c.UserContext(), filter) {
		if err != nil {
			return nil, err
		}
		here := own != nil && s.ID == own.ID
		if visits = append(visits, visit{s, here}); len(visits) == maxVisits {
			break
		}
	}
	return visits, nil
}

// endSessions handles POST /session/end, which signs the user out of this app in every browser and on
// every instance, from the next request on.
func (p *pages) endSessions(c *fiber.Ctx) error {
	user, ok := fibermsal.FromContext(c)
	if !ok {
		return fibermsal.ErrLoginRequired
	}
	if _, err := p.auth.EndSessions(c.UserContext(), fibermsal.SessionFilter{TenantID: user.TenantID, UserID: user.ID}); err != nil {
		return err
	}
	return c.Redirect(p.settings.base()+"/?ended=all", fiber.StatusSeeOther)
}

// switchAccount handles POST /account/switch. The user selects another account at Entra and stays
// signed in until the new sign-in succeeds. The page to return to may come from the request, because
// fibermsal does not redirect to other sites.
func (p *pages) switchAccount(c *fiber.Ctx) error {
	to := cmp.Or(c.FormValue("to"), p.settings.base()+"/profile")
	return fibermsal.StartSignIn(fibermsal.SignInOptions{Prompt: fibermsal.PromptSelectAccount, To: to})
}

// leave handles POST /account/leave, which signs the user out of this app in this browser. The user
// stays signed in at Entra.
func (p *pages) leave(*fiber.Ctx) error {
	return fibermsal.SignOut(fibermsal.SignOutOptions{AppOnly: true, To: p.settings.base() + "/?ended=here"})
}

// apiMe handles GET /api/me, for programs. Without a session, they get 401 with the login URL as
// problem+json.
func apiMe(c *fiber.Ctx) error {
	me, err := graph.Me(c).Get(c.UserContext(), selecting("id", "displayName", "mail", "userPrincipalName", "jobTitle"))
	if err != nil {
		return err
	}
	return c.JSON(struct {
		ID                *string `json:"id"`
		DisplayName       *string `json:"displayName"`
		Mail              *string `json:"mail"` // null for people without a mailbox
		UserPrincipalName *string `json:"userPrincipalName"`
		JobTitle          *string `json:"jobTitle"`
	}{me.GetId(), me.GetDisplayName(), me.GetMail(), me.GetUserPrincipalName(), me.GetJobTitle()})
}

// failed answers the errors that fibermsal does not answer: unknown URLs, refused requests and failures
// of this app. The text of a failure is logged with a number that the page shows.
func (p *pages) failed(c *fiber.Ctx, err error) error {
	status, number := fiber.StatusInternalServerError, ""
	var fiberError *fiber.Error
	if errors.As(err, &fiberError) {
		status = fiberError.Code
	}
	if status >= fiber.StatusInternalServerError {
		number = correlationID()
		slog.LogAttrs(context.Background(), slog.LevelError, "request failed",
			slog.Any("error", err), slog.String("correlation_id", number))
	}
	c.Status(status)
	title := http.StatusText(status)
	if !strings.Contains(c.Get(fiber.HeaderAccept), fiber.MIMETextHTML) {
		problem := fiber.Map{"type": "about:blank", "title": title, "status": status}
		if number != "" {
			problem["correlation_id"] = number
		}
		return c.JSON(problem, "application/problem+json")
	}
	return p.render(c, "error", title, fiber.Map{"Status": status, "Number": number})
}

// ofLibrary renders fibermsal's pages in the design of this app. Their texts, in the user's language,
// and the status are given.
func (p *pages) ofLibrary(c *fiber.Ctx, own fibermsal.Page) error {
	return p.render(c, "library", own.Message, own)
}

func correlationID() string {
	raw := make([]byte, 8)
	if _, err := rand.Read(raw); err != nil {
		return "unavailable"
	}
	return hex.EncodeToString(raw)
}

// text returns the value of a property, or "" for null.
func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func firstOf(all []string) string {
	for _, s := range all {
		if s != "" {
			return s
		}
	}
	return ""
}

// date formats a time in UTC, because a page without scripts does not know the reader's time zone.
func date(t time.Time) string { return t.UTC().Format("2 January 2006, 15:04 UTC") }

// span formats a duration in hours and minutes.
func span(d time.Duration) string {
	hours, minutes := int(d.Hours()), int(d.Minutes())%60
	switch {
	case hours == 0:
		return fmt.Sprintf("%d min", minutes)
	case minutes == 0:
		return fmt.Sprintf("%d h", hours)
	default:
		return fmt.Sprintf("%d h %d min", hours, minutes)
	}
}

// initials returns the initials of a person whose picture the app may not read.
func initials(name string) string {
	words := strings.Fields(name)
	if len(words) > 2 {
		words = []string{words[0], words[len(words)-1]}
	}
	var out strings.Builder
	for _, word := range words {
		r, _ := utf8.DecodeRuneInString(word)
		out.WriteRune(r)
	}
	return strings.ToUpper(out.String())
}
