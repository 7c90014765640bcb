package entratest

import (
	"github.com/fibermsal/fibermsal/entratest/internal/directory"
	"github.com/fibermsal/fibermsal/entratest/internal/keys"
)

// signingKeys contains the controls for Microsoft's signing keys and the application's own.
type signingKeys struct{ ring *keys.Ring }

// RotateKeys creates a new signing key and makes it the active one. The earlier keys stay published
// until [Server.RemoveOldKeys], as Microsoft's do for a while.
func (s *signingKeys) RotateKeys() { s.ring.Rotate() }

// RemoveOldKeys removes all signing keys except the active one from the published set.
func (s *signingKeys) RemoveOldKeys() { s.ring.RemoveOld() }

// PublishForeignKey adds a key whose issuer is the consumer tenant to the published set. Entra's common
// set mixes issuers in this way. A token of a work tenant that is signed with that key must be refused;
// [JWT.SignForeign] creates such a token.
func (s *signingKeys) PublishForeignKey() { s.ring.PublishForeign(directory.Consumers) }

// UseAppSigningKey gives the application its own signing key, which signs its ID tokens and the access
// tokens for its own API, as when an administrator assigns a claims mapping policy with a key or turns
// on SAML single sign-on for the application. As in Entra, only requests with ?appid={client ID} get
// the key: the configuration then contains a jwks_uri with this parameter, whose document has that key
// instead of Microsoft's. Such an application cannot exchange tokens on behalf of users.
func (s *signingKeys) UseAppSigningKey() { s.ring.UseOwn() }
