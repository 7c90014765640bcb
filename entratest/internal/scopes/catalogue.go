package scopes

import (
	"maps"
	"slices"
	"strings"

	"github.com/fibermsal/fibermsal/entratest/internal/aadsts"
)

// graphScopes are the delegated permissions of Graph that exist without entratest.WithScopes.
var graphScopes = []string{
	"Application.Read.All", "AuditLog.Read.All", "Calendars.Read", "Calendars.ReadWrite", "Calendars.Read.Shared",
	"Channel.ReadBasic.All", "Chat.Read", "Chat.ReadWrite", "Contacts.Read", "Contacts.ReadWrite",
	"Device.Read", "Directory.AccessAsUser.All", "Directory.Read.All", "Directory.ReadWrite.All",
	"Files.Read", "Files.Read.All", "Files.ReadWrite", "Files.ReadWrite.All",
	"Group.Read.All", "Group.ReadWrite.All", "GroupMember.Read.All", "GroupMember.ReadWrite.All",
	"Mail.Read", "Mail.ReadBasic", "Mail.ReadWrite", "Mail.Send", "MailboxSettings.Read", "MailboxSettings.ReadWrite",
	"Notes.Read", "OnlineMeetings.Read", "OnlineMeetings.ReadWrite", "Organization.Read.All", "People.Read", "People.Read.All",
	"Presence.Read", "Presence.Read.All", "ProfilePhoto.Read.All", "Sites.Read.All", "Sites.ReadWrite.All",
	"Tasks.Read", "Tasks.ReadWrite", "Team.ReadBasic.All", "User.Read", "User.Read.All", "User.ReadBasic.All",
	"User.ReadWrite", "User.ReadWrite.All",
}

// Catalogue contains the existing permissions by resource and lower-case name. It is immutable.
type Catalogue struct {
	resources map[string]map[string]string
	apis      map[string]API    // by resource, except Graph, whose tokens are opaque
	aliases   map[string]string // resources by their application id
	adminOnly map[string]bool   // by key
}

// Config contains the settings of a catalogue.
type Config struct {
	GraphHost      string
	Extra          []string // further delegated permissions
	APIs           []API
	AdminOnly      []string // delegated permissions that only an administrator may consent to
	AppPermissions []string // permissions of the application itself
}

// NewCatalogue returns the catalogue. It panics if the configuration contains a permission that does
// not exist.
func NewCatalogue(config Config) *Catalogue {
	c := &Catalogue{
		resources: map[string]map[string]string{}, apis: map[string]API{},
		// A national cloud's Graph goes by its own host.
		aliases: map[string]string{GraphAppID: Graph, "https://" + config.GraphHost: Graph}, adminOnly: map[string]bool{},
	}
	for _, name := range slices.Concat(graphScopes, config.Extra) {
		resource, short := Split(name)
		c.add(resource, short)
	}
	for _, api := range config.APIs {
		c.add(api.URI, api.Scopes...)
		c.apis[api.URI] = api
		c.aliases[api.AudienceClaim()] = api.URI
		if id := api.applicationID(); id != "" {
			c.aliases[id] = api.URI
		}
	}
	for _, name := range config.AdminOnly {
		c.adminOnly[c.MustParse(name).Key()] = true
	}
	for _, permission := range config.AppPermissions {
		resource, name := Split(permission)
		if c.resources[resource] == nil || !validName.MatchString(name) {
			panic("entratest: the application permission " + permission + " is malformed or of an unknown API")
		}
	}
	return c
}

func (c *Catalogue) add(resource string, names ...string) {
	if c.resources[resource] == nil {
		c.resources[resource] = map[string]string{}
		c.apis[resource] = API{URI: resource}
	}
	for _, name := range names {
		c.resources[resource][strings.ToLower(name)] = name
	}
}

// API is the API that a resource is.
func (c *Catalogue) API(resource string) API { return c.apis[resource] }

// AdminOnly reports whether only an administrator may consent to the scope.
func (c *Catalogue) AdminOnly(sc Scope) bool { return c.adminOnly[sc.Key()] }

// MustParse is for options and controls: a scope that does not exist is a mistake in the test.
func (c *Catalogue) MustParse(raw string) Scope {
	sc, fail := c.ParseOne(raw)
	if fail != nil {
		panic("entratest: there is no scope " + raw)
	}
	return sc
}

// MustParseOne is like MustParse for scopes of one resource. It returns the resource and the names.
func (c *Catalogue) MustParseOne(raw []string) (resource string, names []string) {
	for _, one := range raw {
		sc := c.MustParse(one)
		if sc.Resource == "" || (resource != "" && resource != sc.Resource) {
			panic("entratest: the scope " + one + " is not of the same resource as the others")
		}
		resource = sc.Resource
		names = append(names, sc.Name)
	}
	return resource, names
}

// Parse reads a space-separated scope parameter. entra: .default must be requested alone (AADSTS70011).
func (c *Catalogue) Parse(raw string) ([]Scope, *aadsts.Error) {
	var list []Scope
	for _, one := range strings.Fields(raw) {
		sc, fail := c.ParseOne(one)
		if fail != nil {
			return nil, fail
		}
		list = append(list, sc)
	}
	for _, sc := range list {
		conflicts := func(other Scope) bool { return other.Resource != "" && other.Key() != sc.Key() }
		if sc.Name == Everything && slices.ContainsFunc(list, conflicts) {
			return nil, aadsts.New(70011, raw+" (.default cannot be combined with resource-specific scopes)")
		}
	}
	return list, nil
}

// ParseOne reads one scope.
func (c *Catalogue) ParseOne(raw string) (Scope, *aadsts.Error) {
	if slices.Contains(oidc, raw) {
		return Scope{Name: raw}, nil
	}
	sc := Scope{Long: strings.Contains(raw, "/")}
	sc.Resource, sc.Name = Split(raw)
	if resource, ok := c.aliases[sc.Resource]; ok {
		sc.Resource = resource
	}
	names, registered := c.resources[sc.Resource]
	switch {
	case !registered:
		return sc, aadsts.New(500011, sc.Resource)
	case sc.Name == Everything:
		return sc, nil
	case !validName.MatchString(sc.Name):
		return sc, aadsts.New(70011, raw)
	case names[strings.ToLower(sc.Name)] == "":
		return sc, aadsts.New(650053, sc.Name, sc.Resource)
	}
	sc.Name = names[strings.ToLower(sc.Name)]
	return sc, nil
}

// ParseApp reads the scope of client_credentials, one resource's .default, and returns the resource. The
// OpenID Connect scopes that MSAL appends to every request are ignored.
func (c *Catalogue) ParseApp(raw string) (resource string, fail *aadsts.Error) {
	requested := slices.DeleteFunc(strings.Fields(raw), func(one string) bool { return slices.Contains(oidc, one) })
	switch {
	case len(requested) == 0:
		return "", aadsts.New(900144, "scope")
	case len(requested) > 1 || !strings.HasSuffix(requested[0], "/"+Everything):
		return "", aadsts.New(1002012, raw)
	}
	sc, fail := c.ParseOne(requested[0])
	return sc.Resource, fail
}

// Expand replaces .default by the permissions of that resource that the app is registered with: User.Read of Graph,
// those with which another API is described, or all of an API that is not described.
func (c *Catalogue) Expand(list []Scope) []Scope {
	var out []Scope
	for _, sc := range list {
		if sc.Name == Everything {
			out = append(out, c.registered(sc.Resource, sc.Long)...)
		} else {
			out = append(out, sc)
		}
	}
	return out
}

// Consented returns the scopes that users consent to when these scopes are requested. entra: with
// .default of one resource they consent to all permissions of the app's registration, which include
// those that an API needs to call other APIs.
func (c *Catalogue) Consented(list []Scope) []Scope {
	out := c.Expand(list)
	if !slices.ContainsFunc(list, func(sc Scope) bool { return sc.Name == Everything }) {
		return out
	}
	for _, resource := range slices.Sorted(maps.Keys(c.resources)) {
		if resource != Graph && len(c.apis[resource].Scopes) == 0 {
			continue
		}
		for _, sc := range c.registered(resource, resource != Graph) {
			if !slices.ContainsFunc(out, func(other Scope) bool { return other.Key() == sc.Key() }) {
				out = append(out, sc)
			}
		}
	}
	return out
}

// registered are the permissions of a resource that the app is registered with.
func (c *Catalogue) registered(resource string, long bool) []Scope {
	names := slices.Sorted(slices.Values(c.apis[resource].Scopes))
	switch {
	case resource == Graph:
		names = []string{"User.Read"}
	case len(names) == 0:
		names = slices.Sorted(maps.Values(c.resources[resource]))
	}
	out := make([]Scope, 0, len(names))
	for _, name := range names {
		out = append(out, Scope{Resource: resource, Name: name, Long: long})
	}
	return out
}
