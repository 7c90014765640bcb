// Package graphapi is the part of Microsoft Graph that applications need for sign-in.
package graphapi

import (
	"strings"
	"sync"

	"github.com/fibermsal/fibermsal/entratest/internal/claims"
	"github.com/fibermsal/fibermsal/entratest/internal/issuer"
	"github.com/fibermsal/fibermsal/entratest/internal/origins"
)

// API serves the paths below /v1.0, those of the test below /beta, and userinfo. It is safe for concurrent use.
type API struct {
	origins      *origins.Origins
	issuer       *issuer.Issuer
	managerScope string
	custom       Custom

	mu       sync.Mutex        // guards what follows
	contexts map[string]string // required authentication contexts by path
}

// New returns an API for the access tokens of the issuer. custom must be prepared. managerScope is the
// scope that /me/manager requires.
func New(o *origins.Origins, i *issuer.Issuer, custom Custom, managerScope string) *API {
	return &API{origins: o, issuer: i, custom: custom, managerScope: managerScope, contexts: map[string]string{}}
}

// RequireContext requires an authentication context for a path below /v1.0. An empty id ends the
// requirement.
func (a *API) RequireContext(path, id string) {
	if id != "" && !claims.IsContext(id) {
		panic("entratest: the authentication context " + id + " is not one of c1 to c99")
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.contexts[strings.TrimPrefix(path, "/")] = id
}

// contextOf returns the authentication context that a path requires, or an empty string.
func (a *API) contextOf(path string) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.contexts[path]
}
