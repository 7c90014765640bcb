package entratest

import "github.com/fibermsal/fibermsal/entratest/internal/issuer"

// tampering contains the controls that falsify responses.
type tampering struct{ parts *parts }

// TamperIDToken lets f change every ID token of the token endpoint before it is sent; nil ends this. f
// is called in the request's goroutine without locks, and possibly concurrently.
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

// TamperAccessToken lets f change every access token for an API before it is issued; nil ends this. It
// does not affect tokens for Graph, which are opaque. f is called as in TamperIDToken. The emulator
// itself accepts a changed token for on-behalf-of like the original, because it looks up issued tokens
// as a whole.
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

// TamperTokenResponse lets f change the JSON of every successful token response; nil ends this. grant
// is the grant_type. f is called as in TamperIDToken, and after it.
func (s *tampering) TamperTokenResponse(f func(grant string, body map[string]any)) {
	s.parts.token.Tamper(f)
}

// TamperDiscovery lets f change every OpenID configuration before it is sent; nil ends this. f is
// called as in TamperIDToken.
func (s *tampering) TamperDiscovery(f func(document map[string]any)) {
	s.parts.metadata.TamperDiscovery.Set(f)
}

// TamperKeys lets f change every set of signing keys before it is sent; nil ends this. The member
// "keys" of the document is a []any of map[string]any. f is called as in TamperIDToken.
func (s *tampering) TamperKeys(f func(document map[string]any)) { s.parts.metadata.TamperKeys.Set(f) }

// AcceptAnyVerifier turns the PKCE check at the token endpoint off (true) or on again (false, the
// default), to test an app's other defences without it.
func (s *tampering) AcceptAnyVerifier(accept bool) { s.parts.codes.AcceptAnyVerifier(accept) }
