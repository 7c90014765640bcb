// Package token serves the token endpoint.
package token

import (
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"github.com/fibermsal/fibermsal/entratest/internal/aadsts"
	"github.com/fibermsal/fibermsal/entratest/internal/clientauth"
	"github.com/fibermsal/fibermsal/entratest/internal/directory"
	"github.com/fibermsal/fibermsal/entratest/internal/grants"
	"github.com/fibermsal/fibermsal/entratest/internal/issuer"
	"github.com/fibermsal/fibermsal/entratest/internal/origins"
	"github.com/fibermsal/fibermsal/entratest/internal/registration"
	"github.com/fibermsal/fibermsal/entratest/internal/scopes"
	"github.com/fibermsal/fibermsal/entratest/internal/secrets"
)

// Config contains the parts that the endpoint uses.
type Config struct {
	App           *registration.App
	Directory     *directory.Directory
	Scopes        *scopes.Catalogue
	Origins       *origins.Origins
	Client        *clientauth.Authenticator
	Codes         *grants.Codes
	RefreshTokens *grants.RefreshTokens
	Issuer        *issuer.Issuer
	Secrets       *secrets.Set
	RefreshIn     time.Duration // 0 for none
}

// Endpoint is the token endpoint. It is safe for concurrent use.
type Endpoint struct {
	Config

	mu     sync.Mutex // guards what follows
	tamper func(grantType string, body map[string]any)
}

// New returns the endpoint.
func New(config Config) *Endpoint { return &Endpoint{Config: config} }

// Tamper lets f change the JSON of every successful response. nil ends it.
func (e *Endpoint) Tamper(f func(grantType string, body map[string]any)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.tamper = f
}

// write sends a response, after applying the changes of a test.
func (e *Endpoint) write(w http.ResponseWriter, r *http.Request, grantType string, answer any) {
	e.mu.Lock()
	tamper := e.tamper
	e.mu.Unlock()
	if tamper != nil {
		answer = tampered(tamper, grantType, answer)
	}
	aadsts.Headers(w.Header(), aadsts.NewTrace(r))
	aadsts.WriteJSON(w, http.StatusOK, answer)
}

func tampered(tamper func(grantType string, body map[string]any), grantType string, answer any) map[string]any {
	var body map[string]any
	encoded, err := json.Marshal(answer)
	if err == nil {
		err = json.Unmarshal(encoded, &body)
	}
	if err != nil {
		panic("entratest: " + err.Error()) // strings and numbers survive JSON
	}
	tamper(grantType, body)
	return body
}
