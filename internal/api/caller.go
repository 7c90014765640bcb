package api

import (
	"context"
	"crypto/sha256"

	"github.com/fibermsal/fibermsal/internal/authority"
	"github.com/fibermsal/fibermsal/internal/session"
	"github.com/fibermsal/fibermsal/internal/telemetry"
)

// Verifier verifies access tokens. It is safe for concurrent use.
type Verifier struct {
	Authority *authority.Client
	Telemetry *telemetry.Telemetry
	// Remembered is the cache of verified tokens. It is separate from that of sessions, so that neither
	// evicts the other.
	Remembered *session.Cache
}

// Caller returns the session that stands for an access token. Verified tokens are cached by hash, so
// that a client's next requests need no verification of the signature. The bytes of the token are not
// kept.
func (v *Verifier) Caller(ctx context.Context, token []byte) (*session.Session, error) {
	caller, remembered, err := v.caller(ctx, token)
	if err != nil {
		v.Telemetry.CallerRefused(ctx, err)
		return nil, err
	}
	v.Telemetry.CallerAccepted(remembered)
	return caller, nil
}

func (v *Verifier) caller(ctx context.Context, token []byte) (caller *session.Session, remembered bool, err error) {
	id := IDOf(token)
	if known := v.Remembered.Kept(id); known != nil {
		if err := authority.CheckAccessToken(known.Token); err != nil {
			v.Remembered.Drop(id)
			return nil, true, err
		}
		return known, true, nil
	}
	claims, err := v.Authority.VerifyAccessToken(ctx, token)
	if err != nil {
		return nil, false, err
	}
	caller = session.NewCaller(id, claims)
	v.Remembered.Keep(caller)
	return caller, false, nil
}

// IDOf returns the ID of the session that stands for an access token.
func IDOf(token []byte) string { return session.CallerID(sha256.Sum256(token)) }
