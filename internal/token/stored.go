package token

import (
	"time"

	"github.com/fibermsal/fibermsal/internal/tokencache"
)

// stored is the content of a record and the token in it for the scopes of a request.
type stored struct {
	// version and cache are set for a session's record.
	version []byte
	cache   *tokencache.Cache
	token   tokencache.Token
	// retryAt is until when a stored failure is in effect, or zero.
	retryAt time.Time
}
