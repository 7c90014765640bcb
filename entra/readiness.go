package entra

import (
	"context"
	"errors"
	"time"

	"github.com/fibermsal/fibermsal/internal/record"
)

// readyTimeout is the time limit of Readiness.
const readyTimeout = 2 * time.Second

// Readiness reports whether users can sign in and stay signed in.
type Readiness struct {
	// Entra is set if Entra's configuration is known, and Storage if the storage responds.
	Entra   bool `json:"entra"`
	Storage bool `json:"storage"`
}

// Ready reports whether both Entra and Storage are set.
func (r Readiness) Ready() bool { return r.Storage && r.Entra }

// Readiness checks the storage and Entra. It returns after at most 2 seconds. It is safe for concurrent
// use.
func (s *Service) Readiness(ctx context.Context) Readiness {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	_, storageErr := s.records.Sealed(ctx, "ready", record.Session)
	_, entraErr := s.authority.Metadata(ctx)
	return Readiness{
		Storage: storageErr == nil || errors.Is(storageErr, record.ErrNotFound),
		Entra:   entraErr == nil,
	}
}
