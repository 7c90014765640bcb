package token

import (
	"time"

	"github.com/fibermsal/fibermsal/internal/tokencache"
)

// stored is what a record contains, and the token in it for the scopes of a request.
type stored struct {
	// version and cache are those of a session's record.
	version []byte
	cache   *tokencache.Cache
	token   tokencache.Token
	// retryAt is until when a stored failure is remembered, or zero.
	retryAt time.Time
}
