// Package issuer issues access tokens and ID tokens.
package issuer

import (
	"sync"
	"time"

	"github.com/fibermsal/fibermsal/entratest/internal/keys"
	"github.com/fibermsal/fibermsal/entratest/internal/origins"
	"github.com/fibermsal/fibermsal/entratest/internal/scopes"
	"github.com/fibermsal/fibermsal/entratest/internal/secrets"
)

// Config contains the settings of an issuer.
type Config struct {
	ClientID       string
	OptionalClaims []string
	Lifetime       time.Duration // of access tokens

	Origins *origins.Origins
	Scopes  *scopes.Catalogue
	Keys    *keys.Ring
	Secrets *secrets.Set
}

// Issuer issues tokens and keeps the access tokens. It is safe for concurrent use.
type Issuer struct {
	config Config

	mu       sync.Mutex // guards what follows
	lifetime time.Duration
	access   map[string]*AccessToken
	tamper   func(*Draft) string // ID tokens
	falsify  func(*Draft) string // access tokens
}

// New returns an issuer without tokens.
func New(config Config) *Issuer {
	return &Issuer{config: config, lifetime: config.Lifetime, access: map[string]*AccessToken{}}
}

// HasOwnKey reports whether the tokens for the application are signed with its own key.
func (i *Issuer) HasOwnKey() bool {
	key, _ := i.config.Keys.ForApp()
	return key != i.config.Keys.Active()
}

// SetLifetime changes the lifetime of the access tokens issued from now on.
func (i *Issuer) SetLifetime(d time.Duration) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.lifetime = d
}

// Tamper lets f encode every ID token instead of [Draft.Encode]; nil ends it. An empty result leaves the
// token out. f runs in the request's goroutine, without locks, possibly several times at once.
func (i *Issuer) Tamper(f func(*Draft) string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.tamper = f
}

// TamperAccess is Tamper for the access tokens for APIs.
func (i *Issuer) TamperAccess(f func(*Draft) string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.falsify = f
}
