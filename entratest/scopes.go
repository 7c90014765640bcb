package entratest

import (
	"maps"
	"regexp"
	"slices"
	"strings"
)

// graphResource is how scopes name Microsoft Graph, also at the emulator.
const (
	graphResource = "https://graph.microsoft.com"
	graphAppID    = "00000003-0000-0000-c000-000000000000"
)

// oidcScopes belong to no resource.
var oidcScopes = []string{"email", "offline_access", "openid", "profile"}

// graphScopes are the delegated permissions of Graph that exist without WithScopes.
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

// scope is one requested permission.
type scope struct {
	resource string // empty for the OpenID Connect scopes
	name     string // in its registered spelling
	long     bool   // written with its resource in front
}

const everything = ".default"

func (sc scope) key() string {
	if sc.resource == "" {
		return sc.name
	}
	return sc.resource + "/" + sc.name
}

// scopeCatalogue knows the permissions that exist, by resource and lower-case name.
type scopeCatalogue struct {
	resources map[string]map[string]string
	audiences map[string]string // aud of each resource but Graph, whose tokens are opaque
	aliases   map[string]string // resources by the application id that stands for them
	adminOnly map[string]bool   // by key
}

func newScopeCatalogue(settings *settings) *scopeCatalogue {
	c := &scopeCatalogue{
		resources: map[string]map[string]string{}, audiences: map[string]string{},
		// A national cloud's Graph goes by its own host.
		aliases: map[string]string{graphAppID: graphResource, "https://" + settings.graphHost: graphResource}, adminOnly: map[string]bool{},
	}
	for _, name := range slices.Concat(graphScopes, settings.extraScopes) {
		resource, short := splitScope(name)
		c.add(resource, short)
	}
	for _, api := range settings.apis {
		c.add(api.URI, api.Scopes...)
		c.audiences[api.URI] = api.audience()
		c.aliases[api.audience()] = api.URI
	}
	for _, name := range settings.adminScopes {
		c.adminOnly[c.mustParse(name).key()] = true
	}
	return c
}

// splitScope takes a permission's resource off; without one it is Graph's.
func splitScope(name string) (resource, short string) {
	if slash := strings.LastIndexByte(name, '/'); slash >= 0 {
		return name[:slash], name[slash+1:]
	}
	return graphResource, name
}

func (c *scopeCatalogue) add(resource string, names ...string) {
	if c.resources[resource] == nil {
		c.resources[resource] = map[string]string{}
		c.audiences[resource] = API{URI: resource}.audience()
	}
	for _, name := range names {
		c.resources[resource][strings.ToLower(name)] = name
	}
}

// mustParse is for options and controls: a scope that does not exist is a mistake in the test.
func (c *scopeCatalogue) mustParse(raw string) scope {
	sc, err := c.parseOne(raw)
	if err != nil {
		panic("entratest: there is no scope " + raw)
	}
	return sc
}

var scopeName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.-]*$`)

// parse reads a space-separated scope parameter. entra: .default stands alone (AADSTS70011).
func (c *scopeCatalogue) parse(raw string) ([]scope, *aadError) {
	var scopes []scope
	for _, one := range strings.Fields(raw) {
		sc, err := c.parseOne(one)
		if err != nil {
			return nil, err
		}
		scopes = append(scopes, sc)
	}
	for _, sc := range scopes {
		alone := func(other scope) bool { return other.resource == "" || other.key() == sc.key() }
		if sc.name == everything && !allOf(scopes, alone) {
			return nil, aad(70011, raw+" (.default cannot be combined with resource-specific scopes)")
		}
	}
	return scopes, nil
}

func (c *scopeCatalogue) parseOne(raw string) (scope, *aadError) {
	if slices.Contains(oidcScopes, raw) {
		return scope{name: raw}, nil
	}
	sc := scope{long: strings.Contains(raw, "/")}
	sc.resource, sc.name = splitScope(raw)
	if resource, ok := c.aliases[sc.resource]; ok {
		sc.resource = resource
	}
	names, known := c.resources[sc.resource]
	switch {
	case !known:
		return sc, aad(500011, sc.resource)
	case sc.name == everything:
		return sc, nil
	case !scopeName.MatchString(sc.name):
		return sc, aad(70011, raw)
	case names[strings.ToLower(sc.name)] == "":
		return sc, aad(650053, sc.name, sc.resource)
	}
	sc.name = names[strings.ToLower(sc.name)]
	return sc, nil
}

func allOf(scopes []scope, ok func(scope) bool) bool {
	return !slices.ContainsFunc(scopes, func(sc scope) bool { return !ok(sc) })
}

func has(scopes []scope, name string) bool {
	return slices.ContainsFunc(scopes, func(sc scope) bool { return sc.resource == "" && sc.name == name })
}

// expand replaces .default by the permissions the app is registered with: User.Read of Graph, and all of
// any other API.
func (c *scopeCatalogue) expand(scopes []scope) []scope {
	var out []scope
	for _, sc := range scopes {
		switch {
		case sc.name != everything:
			out = append(out, sc)
		case sc.resource == graphResource:
			out = append(out, scope{resource: graphResource, name: "User.Read", long: sc.long})
		default:
			for _, name := range slices.Sorted(maps.Values(c.resources[sc.resource])) {
				out = append(out, scope{resource: sc.resource, name: name, long: true})
			}
		}
	}
	return out
}

// resourceOf returns the one resource that a token call is about. entra: a token is for one resource
// (AADSTS28002); without any the token is for Graph, whose userinfo endpoint it opens.
func resourceOf(scopes []scope) (string, *aadError) {
	resource := ""
	for _, sc := range scopes {
		if sc.resource == "" {
			continue
		}
		if resource != "" && resource != sc.resource {
			return "", aad(28002, sc.key())
		}
		resource = sc.resource
	}
	if resource == "" {
		resource = graphResource
	}
	return resource, nil
}

// granted is what the account or an administrator for everybody has consented to. The caller holds
// Server.mu.
func (a *account) granted() map[string]bool {
	out := maps.Clone(a.tenant.consents)
	maps.Copy(out, a.consents)
	return out
}

// missing returns the scopes that nobody has consented to for the account. The caller holds Server.mu.
func (a *account) missing(scopes []scope) []scope {
	var missing []scope
	for _, sc := range scopes {
		if !a.consents[sc.key()] && !a.tenant.consents[sc.key()] {
			missing = append(missing, sc)
		}
	}
	return missing
}

// echo is the scope of a token answer. entra: email, openid and profile first, then every permission that
// is consented for the resource, not just what was asked, sorted; with the resource in front if the
// request wrote it so; .default repeated when asked; offline_access never.
func echo(consents map[string]bool, resource string, asked []scope) string {
	var out []string
	for _, name := range []string{"email", "openid", "profile"} {
		if consents[name] {
			out = append(out, name)
		}
	}
	prefix := ""
	if slices.ContainsFunc(asked, func(sc scope) bool { return sc.long }) {
		prefix = resource + "/"
	}
	for _, name := range grantedNames(consents, resource) {
		out = append(out, prefix+name)
	}
	if slices.ContainsFunc(asked, func(sc scope) bool { return sc.name == everything }) {
		out = append(out, resource+"/"+everything)
	}
	return strings.Join(out, " ")
}

// grantedNames are the consented permissions of one resource, sorted.
func grantedNames(consents map[string]bool, resource string) []string {
	var names []string
	for key, consented := range consents {
		if name, ok := strings.CutPrefix(key, resource+"/"); ok && consented {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
