package entratest

import "github.com/fibermsal/fibermsal/entratest/internal/issuer"

// tampering falsifies answers.
type tampering struct{ parts *parts }

// TamperIDToken lets f change every ID token of the token endpoint before it is sent; nil ends it.
// f runs in the request's goroutine, without locks, possibly several times at once.
func (s *tampering) TamperIDToken(f func(t *IDToken)) {
	if f == nil {
		s.parts.issuer.Tamper(nil)
		return
	}
	s.parts.issuer.Tamper(func(d *issuer.Draft) string {
		token := &IDToken{JWT: newJWT(d), Grant: d.GrantType, User: User(d.User)}
		f(token)
		return token.encode()
	})
}

// TamperAccessToken lets f change every access token for an API before it is issued; nil ends it. Those for Graph
// are opaque. f runs as in TamperIDToken. The emulator itself accepts a changed token for on-behalf-of as if it were
// the original, because it identifies what it has issued by the whole token.
func (s *tampering) TamperAccessToken(f func(t *AccessToken)) {
	if f == nil {
		s.parts.issuer.TamperAccess(nil)
		return
	}
	s.parts.issuer.TamperAccess(func(d *issuer.Draft) string {
		token := &AccessToken{JWT: newJWT(d), API: d.Resource, User: User(d.User)}
		f(token)
		return token.encode()
	})
}

// TamperTokenResponse lets f change the JSON of every successful token answer; nil ends it.
// grant is the grant_type. f runs as in TamperIDToken, and after it.
func (s *tampering) TamperTokenResponse(f func(grant string, body map[string]any)) {
	s.parts.token.Tamper(f)
}

// TamperDiscovery lets f change every OpenID configuration before it is sent; nil ends it. f runs as in TamperIDToken.
func (s *tampering) TamperDiscovery(f func(document map[string]any)) {
	s.parts.metadata.TamperDiscovery.Set(f)
}

// TamperKeys lets f change every set of signing keys before it is sent; nil ends it. Its member keys is a list of
// objects: a []any of map[string]any. f runs as in TamperIDToken.
func (s *tampering) TamperKeys(f func(document map[string]any)) { s.parts.metadata.TamperKeys.Set(f) }

// AcceptAnyVerifier switches the PKCE check at the token endpoint off (true) or on again (false, the
// default), to show the effect of an app's other defences without it.
func (s *tampering) AcceptAnyVerifier(accept bool) { s.parts.codes.AcceptAnyVerifier(accept) }
