package fibermsal

import (
	"encoding/json"
	"slices"
	"strings"
)

// reservedScopes are asked for always, and by us: MSAL counts those it is given
// as declined when the answer does not repeat them, and Entra never repeats
// offline_access.
var reservedScopes = []string{"openid", "profile", "offline_access"}

// graphID is Graph's application id, by which scopes may name it, too.
const graphID = "00000003-0000-0000-c000-000000000000"

// allScopes stands for what the registration names; of a resource, behind its address.
const allScopes = ".default"

// graphScopes knows how scopes may name Graph. There is one spelling for each of its
// scopes here, the short one, whatever the Config, a handler or Entra says: one that
// differs would miss MSAL's cache, and end as not granted.
type graphScopes struct {
	names []string // before a scope, with the slash
	all   string   // its .default, which has no short spelling
}

func newGraphScopes(resource, graphURL string) graphScopes {
	return graphScopes{
		names: []string{resource + "/", strings.TrimSuffix(graphURL, graphVersionSuffix) + "/", graphID + "/"},
		all:   resource + "/" + allScopes,
	}
}

// spell returns the spelling of a scope. One of another resource has but one.
func (g graphScopes) spell(scope string) string {
	for _, name := range g.names {
		if len(scope) > len(name) && strings.EqualFold(scope[:len(name)], name) {
			scope = scope[len(name):]
			break
		}
	}
	if strings.EqualFold(scope, allScopes) {
		return g.all
	}
	return scope
}

// spellAll spells scopes, and leaves out those that are there.
func (g graphScopes) spellAll(scopes []string) (spelled []string) {
	for _, s := range scopes {
		spelled = append(spelled, missingFrom(spelled, []string{g.spell(s)})...)
	}
	return spelled
}

// resourceOf is what a scope is a permission of, and empty for Graph.
func (g graphScopes) resourceOf(scope string) string {
	i := strings.LastIndexByte(scope, '/')
	if i < 0 || scope == g.all {
		return ""
	}
	return strings.ToLower(scope[:i])
}

// long returns a scope with the address of its resource.
func (g graphScopes) long(scope string) string {
	if strings.Contains(scope, "/") {
		return scope
	}
	return strings.TrimSuffix(g.all, allScopes) + scope
}

// respell spells the granted scopes in a token answer, before MSAL reads it: Entra writes
// them long if the request did.
func (g graphScopes) respell(body []byte, granted string) (respelled []byte, spelled string) {
	spelled = strings.Join(g.spellAll(strings.Fields(granted)), " ")
	var fields map[string]json.RawMessage
	if spelled == granted || json.Unmarshal(body, &fields) != nil {
		return body, granted
	}
	scope, err := json.Marshal(spelled)
	if err != nil {
		return body, granted
	}
	fields["scope"] = scope
	if respelled, err = json.Marshal(fields); err != nil {
		return body, granted
	}
	return respelled, spelled
}

// missingFrom are the scopes that are not among those that are there.
func missingFrom(present, scopes []string) (missing []string) {
	for _, s := range scopes {
		if !slices.ContainsFunc(present, func(p string) bool { return strings.EqualFold(p, s) }) {
			missing = append(missing, s)
		}
	}
	return missing
}

// namesScopes reports whether each is the name of a permission, or of several.
func namesScopes(scopes []string) bool {
	for _, some := range scopes {
		names := strings.Fields(some)
		if len(names) == 0 || slices.ContainsFunc(names, isGeneral) {
			return false
		}
	}
	return len(scopes) > 0
}

// isGeneral reports whether a scope is no permission of its own.
func isGeneral(scope string) bool {
	return isReserved(scope) || strings.HasSuffix(strings.ToLower(scope), allScopes)
}

// isReserved reports whether a scope is one of reservedScopes, whatever stands before it.
func isReserved(scope string) bool {
	return slices.Contains(reservedScopes, strings.ToLower(scope[strings.LastIndexByte(scope, '/')+1:]))
}

// scopesKey is the same for the same scopes, whatever their order and case.
func scopesKey(scopes []string) string {
	return strings.Clone(strings.ToLower(strings.Join(slices.Sorted(slices.Values(scopes)), " ")))
}

// tokenScopes are the scopes that a token is asked for by: none, or the .default of
// Graph, are those of Config.
func (a *Auth) tokenScopes(asked []string) []string {
	var scopes []string
	for _, s := range strings.Fields(strings.Join(asked, " ")) { // somebody's list may be one string
		switch s = a.cfg.graph.spell(s); {
		case s == a.cfg.graph.all && a.cfg.graph.resourceOf(a.cfg.Scopes[0]) == "":
			return a.cfg.Scopes
		case isReserved(s):
			continue
		}
		scopes = append(scopes, s)
	}
	if len(scopes) == 0 {
		return a.cfg.Scopes
	}
	return scopes
}

// signInScopes are what a sign-in asks for beside reservedScopes: the configured scopes
// and others. Entra takes no .default beside others (AADSTS70011), which then do without.
func (a *Auth) signInScopes(asked []string) []string {
	more := missingFrom(a.cfg.Scopes, asked)
	if len(more) > 0 && isGeneral(a.cfg.Scopes[0]) {
		return more
	}
	return slices.Concat(a.cfg.Scopes, more)
}

// redeemable are those of them that are of the configured resource: a token is for one,
// others are got by the refresh token.
func (a *Auth) redeemable(asked []string) []string {
	resource := a.cfg.graph.resourceOf(a.cfg.Scopes[0])
	scopes := slices.DeleteFunc(a.signInScopes(asked), func(s string) bool {
		return a.cfg.graph.resourceOf(s) != resource && slices.Contains(asked, s)
	})
	if len(scopes) == 0 {
		return a.cfg.Scopes
	}
	return scopes
}

// fullScopes are the configured scopes with the address of their resource.
func (a *Auth) fullScopes() []string {
	full := make([]string, len(a.cfg.Scopes))
	for i, s := range a.cfg.Scopes {
		full[i] = a.cfg.graph.long(s)
	}
	return full
}
