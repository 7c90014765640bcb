package entra

import (
	"context"
	"errors"
	"time"

	"github.com/fibermsal/fibermsal/internal/record"
)

// readyTimeout bounds Readiness.
const readyTimeout = 2 * time.Second

// Readiness is whether users can sign in and stay signed in.
type Readiness struct {
	// Entra is set if Entra's configuration is known, and Storage if the storage answers.
	Entra   bool `json:"entra"`
	Storage bool `json:"storage"`
}

// Ready reports whether nothing is missing.
func (r Readiness) Ready() bool { return r.Storage && r.Entra }

// Readiness checks the storage and Entra, for 2 seconds at most. It is safe for concurrent use.
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
