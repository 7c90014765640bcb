// Package scopes contains the permissions of Microsoft Graph and of other APIs, and the scopes of
// OpenID Connect.
package scopes

import (
	"slices"
	"strings"

	"github.com/fibermsal/fibermsal/entratest/internal/aadsts"
)

// The names of Microsoft Graph in scopes. The emulator uses them, too.
const (
	Graph      = "https://graph.microsoft.com"
	GraphAppID = "00000003-0000-0000-c000-000000000000"
)

// Everything is the scope that represents all permissions of its resource.
const Everything = ".default"

// oidc are the OpenID Connect scopes, which belong to no resource.
var oidc = []string{"email", "offline_access", "openid", "profile"}

// Scope is one requested permission.
type Scope struct {
	Resource string // empty for the OpenID Connect scopes
	Name     string // in its registered spelling
	Long     bool   // written with its resource in front
}

// Key names the scope in consents.
func (sc Scope) Key() string {
	if sc.Resource == "" {
		return sc.Name
	}
	return sc.Resource + "/" + sc.Name
}

// Keys are the keys of all these scopes.
func Keys(list []Scope) []string {
	out := make([]string, 0, len(list))
	for _, sc := range list {
		out = append(out, sc.Key())
	}
	return out
}

// Has reports whether an OpenID Connect scope is in the list.
func Has(list []Scope, name string) bool {
	return slices.ContainsFunc(list, func(sc Scope) bool { return sc.Resource == "" && sc.Name == name })
}

// Missing returns the scopes whose keys are not granted.
func Missing(granted map[string]bool, list []Scope) []Scope {
	var missing []Scope
	for _, sc := range list {
		if !granted[sc.Key()] {
			missing = append(missing, sc)
		}
	}
	return missing
}

// Split separates a permission from its resource, which is Graph if the scope contains none.
func Split(name string) (resource, short string) {
	if slash := strings.LastIndexByte(name, '/'); slash >= 0 {
		return name[:slash], name[slash+1:]
	}
	return Graph, name
}

// ResourceOf returns the resource of a token call. entra: a token is for one resource (AADSTS28002). If
// no resource is requested, the token is for Graph, where it can be used at the userinfo endpoint.
func ResourceOf(list []Scope) (string, *aadsts.Error) {
	resource := ""
	for _, sc := range list {
		if sc.Resource == "" {
			continue
		}
		if resource != "" && resource != sc.Resource {
			return "", aadsts.New(28002, sc.Key())
		}
		resource = sc.Resource
	}
	if resource == "" {
		resource = Graph
	}
	return resource, nil
}

// Echo is the scope of a token response. entra: it begins with email, openid and profile. Then come all
// permissions of the resource with consent, sorted, even those that were not requested. They are
// prefixed by the resource if the request used the prefix. .default is repeated if it was requested,
// and offline_access is never included.
func Echo(granted map[string]bool, resource string, requested []Scope) string {
	var out []string
	for _, name := range []string{"email", "openid", "profile"} {
		if granted[name] {
			out = append(out, name)
		}
	}
	prefix := ""
	if slices.ContainsFunc(requested, func(sc Scope) bool { return sc.Long }) {
		prefix = resource + "/"
	}
	for _, name := range GrantedNames(granted, resource) {
		out = append(out, prefix+name)
	}
	if slices.ContainsFunc(requested, func(sc Scope) bool { return sc.Name == Everything }) {
		out = append(out, resource+"/"+Everything)
	}
	return strings.Join(out, " ")
}

// GrantedNames are the granted permissions of one resource, sorted.
func GrantedNames(granted map[string]bool, resource string) []string {
	var names []string
	for key := range granted {
		if name, ok := strings.CutPrefix(key, resource+"/"); ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
