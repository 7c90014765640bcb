package entratest

import (
	"github.com/fibermsal/fibermsal/entratest/internal/directory"
	"github.com/fibermsal/fibermsal/entratest/internal/keys"
)

// signingKeys is what Microsoft does with its keys, and an administrator with the application's.
type signingKeys struct{ ring *keys.Ring }

// RotateKeys makes a new signing key the active one. As at Microsoft, the earlier ones stay published for a
// while: until [Server.RemoveOldKeys].
func (s *signingKeys) RotateKeys() { s.ring.Rotate() }

// RemoveOldKeys removes all signing keys except the active one from the published set.
func (s *signingKeys) RemoveOldKeys() { s.ring.RemoveOld() }

// PublishForeignKey adds a key to the published set whose issuer is the consumer tenant's. Entra's common
// set mixes issuers in this way; a token of a work tenant signed by that key must be refused.
// [IDToken.SignForeign] makes such a token.
func (s *signingKeys) PublishForeignKey() { s.ring.PublishForeign(directory.Consumers) }

// UseAppSigningKey makes a new key of the application's own sign its ID tokens and the access tokens for its own
// API, as when an administrator assigns a claims mapping policy with a key or switches SAML single sign-on on for the
// same application. As in Entra, only requests with ?appid={client id} get it: the configuration then names a
// jwks_uri with the parameter, whose document has that key instead of Microsoft's. Such an application cannot exchange
// tokens on behalf of users.
func (s *signingKeys) UseAppSigningKey() { s.ring.UseOwn() }
