// Package secrets collects texts that must never appear in the logs, stores or pages of an application.
package secrets

import (
	"slices"
	"sync"
)

// Set is a growing collection of secrets. It is safe for concurrent use.
type Set struct {
	mu   sync.Mutex
	list []string
}

// Add adds secrets. Empty ones are ignored.
func (s *Set) Add(secrets ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, secret := range secrets {
		if secret != "" {
			s.list = append(s.list, secret)
		}
	}
}

// All returns all secrets in the order in which they were added.
func (s *Set) All() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.list)
}
