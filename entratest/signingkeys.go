package entratest

import (
	"github.com/fibermsal/fibermsal/entratest/internal/directory"
	"github.com/fibermsal/fibermsal/entratest/internal/keys"
)

// signingKeys is what Microsoft does with its keys.
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
