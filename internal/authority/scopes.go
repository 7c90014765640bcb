package authority

import (
	"slices"
	"strings"
)

// reservedScopes are part of every sign-in. The library adds them itself, because MSAL reports scopes
// that it was given as declined if the response does not repeat them, and Entra never repeats
// offline_access.
var reservedScopes = []string{"openid", "profile", "offline_access"}

// graphID is Graph's application ID, with which scopes may also begin.
const graphID = "00000003-0000-0000-c000-000000000000"

// defaultScope stands for all permissions of the registration. It follows the URI of a resource.
const defaultScope = ".default"

// Scopes contains the configured scopes and the rules for spelling and combining scopes. Each of
// Graph's scopes has a single canonical spelling, the short one, whatever spelling Config, a handler or
// Entra uses, because a different spelling would not be found in MSAL's cache and would be reported as
// not granted. It is immutable.
type Scopes struct {
	configured []string
	key        string   // of the configured scopes
	prefixes   []string // of Graph's scopes, with the slash
	graphAll   string   // Graph's .default scope, which has no short spelling
}

// NewScopes returns the rules for Graph, given the URI of its resource and the URL at which it is
// called, and the configured scopes in canonical spelling.
func NewScopes(resource, graphURL string, configured []string) *Scopes {
	s := &Scopes{
		prefixes: []string{resource + "/", strings.TrimSuffix(graphURL, "/v1.0") + "/", graphID + "/"},
		graphAll: resource + "/" + defaultScope,
	}
	s.configured = s.canonicalAll(configured)
	s.key = Key(s.configured)
	return s
}

// Configured returns the configured scopes. They must not be changed.
func (s *Scopes) Configured() []string { return s.configured }

// ConfiguredKey returns the [Key] of the configured scopes.
func (s *Scopes) ConfiguredKey() string { return s.key }

// GraphDefault returns Graph's .default scope.
func (s *Scopes) GraphDefault() string { return s.graphAll }

// Canonical returns the canonical spelling of a scope. Scopes of other resources are returned
// unchanged.
func (s *Scopes) Canonical(scope string) string {
	for _, prefix := range s.prefixes {
		if len(scope) > len(prefix) && strings.EqualFold(scope[:len(prefix)], prefix) {
			scope = scope[len(prefix):]
			break
		}
	}
	if strings.EqualFold(scope, defaultScope) {
		return s.graphAll
	}
	return scope
}

// canonicalAll returns the canonical spellings without duplicates.
func (s *Scopes) canonicalAll(scopes []string) (canonical []string) {
	for _, scope := range scopes {
		canonical = append(canonical, Missing(canonical, []string{s.Canonical(scope)})...)
	}
	return canonical
}

// ResourceOf returns the resource to which a scope belongs; "" is Graph.
func (s *Scopes) ResourceOf(scope string) string {
	i := strings.LastIndexByte(scope, '/')
	if i < 0 || scope == s.graphAll {
		return ""
	}
	return strings.ToLower(scope[:i])
}

// ByResource returns the scopes of the configured resource, and the scopes of other resources grouped
// by resource, because a token is for a single resource.
func (s *Scopes) ByResource(scopes []string) (own []string, others [][]string) {
	resource := s.ResourceOf(s.configured[0])
	index := make(map[string]int)
	for _, scope := range scopes {
		of := s.ResourceOf(scope)
		i, known := index[of]
		switch {
		case of == resource:
			own = append(own, scope)
		case known:
			others[i] = append(others[i], scope)
		default:
			index[of] = len(others)
			others = append(others, []string{scope})
		}
	}
	return own, others
}

// ForToken returns the scopes of a token request, or nil for the configured scopes, for which no scopes
// and Graph's .default stand.
func (s *Scopes) ForToken(requested []string) (scopes []string) {
	for _, scope := range strings.Fields(strings.Join(requested, " ")) { // a caller may pass a list as one string
		switch scope = s.Canonical(scope); {
		case scope == s.graphAll && s.ResourceOf(s.configured[0]) == "":
			return nil
		case IsReserved(scope):
			continue
		}
		scopes = append(scopes, scope)
	}
	return scopes
}

// ForTokenOrConfigured is like ForToken, but returns the configured scopes instead of nil.
func (s *Scopes) ForTokenOrConfigured(requested []string) []string {
	if scopes := s.ForToken(requested); scopes != nil {
		return scopes
	}
	return s.configured
}

// ForSignIn returns the scope parameter of an authorize request for the configured and
// additional scopes.
func (s *Scopes) ForSignIn(additional []string) string {
	return strings.Join(slices.Concat(reservedScopes, s.withConfigured(additional)), " ")
}

// withConfigured adds scopes to the configured ones. Entra does not accept .default together with other
// scopes (AADSTS70011). An additional .default, which Azure's SDKs request, is therefore requested
// alone, and other missing scopes by the next sign-in; a configured .default is left out.
func (s *Scopes) withConfigured(additional []string) []string {
	missing := Missing(s.configured, additional)
	if i := slices.IndexFunc(missing, isDefault); i >= 0 {
		return missing[i : i+1]
	}
	if len(missing) > 0 && isDefault(s.configured[0]) {
		return missing
	}
	return slices.Concat(s.configured, missing)
}

// ForCode returns the scopes with which to redeem a code. These are the scopes of the configured
// resource, because a token is for a single resource. Tokens for other resources are acquired with the
// refresh token.
func (s *Scopes) ForCode(additional []string) []string {
	resource := s.ResourceOf(s.configured[0])
	scopes := slices.DeleteFunc(s.withConfigured(additional), func(scope string) bool {
		return s.ResourceOf(scope) != resource && slices.Contains(additional, scope)
	})
	if len(scopes) == 0 {
		return s.configured
	}
	return scopes
}

// Qualified returns the configured scopes with the URI of their resource.
func (s *Scopes) Qualified() []string {
	qualified := make([]string, len(s.configured))
	for i, scope := range s.configured {
		if !strings.Contains(scope, "/") {
			scope = strings.TrimSuffix(s.graphAll, defaultScope) + scope
		}
		qualified[i] = scope
	}
	return qualified
}

// canonicalGranted returns the granted scopes of a token response in canonical spelling.
func (s *Scopes) canonicalGranted(granted string) string {
	return strings.Join(s.canonicalAll(strings.Fields(granted)), " ")
}

// Missing returns the scopes that are not present, ignoring case.
func Missing(present, scopes []string) (missing []string) {
	for _, s := range scopes {
		if !slices.ContainsFunc(present, func(p string) bool { return strings.EqualFold(p, s) }) {
			missing = append(missing, s)
		}
	}
	return missing
}

// NamePermissions reports whether there are scopes and all of them stand for permissions.
func NamePermissions(scopes []string) bool {
	for _, some := range scopes {
		names := strings.Fields(some)
		if len(names) == 0 || slices.ContainsFunc(names, IsGeneral) {
			return false
		}
	}
	return len(scopes) > 0
}

// IsGeneral reports whether a scope does not stand for a single permission, because it is reserved or .default.
func IsGeneral(scope string) bool { return IsReserved(scope) || isDefault(scope) }

// isDefault reports whether a scope stands for all permissions of a resource.
func isDefault(scope string) bool { return strings.HasSuffix(strings.ToLower(scope), defaultScope) }

// IsReserved reports whether every sign-in requests a scope, with any prefix.
func IsReserved(scope string) bool {
	return slices.Contains(reservedScopes, strings.ToLower(scope[strings.LastIndexByte(scope, '/')+1:]))
}

// Key returns the same text for the same scopes, independent of their order and case.
func Key(scopes []string) string {
	return strings.Clone(strings.ToLower(strings.Join(slices.Sorted(slices.Values(scopes)), " ")))
}
