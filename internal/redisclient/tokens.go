package redisclient

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/fibermsal/fibermsal/internal/flight"
	"github.com/fibermsal/fibermsal/internal/tokencache"
)

const (
	// tokenScope is the scope of the tokens that Azure's managed Redis services accept.
	tokenScope = "https://redis.azure.com/.default" //nolint:gosec // not a credential
	// tokenTimeout is the time limit of a token call.
	tokenTimeout = 10 * time.Second
)

// EntraTokens returns Credentials that sign in as an object ID with tokens of a credential. A token is
// cached until shortly before it expires. It is replaced in the background earlier, because opening a
// connection must not wait for Entra.
func EntraTokens(objectID string, credential azcore.TokenCredential) func(context.Context) (user, password string, err error) {
	t := &tokens{credential: credential}
	return func(ctx context.Context) (user, password string, err error) {
		password, err = t.get(ctx)
		return objectID, password, err
	}
}

// tokens caches the token that connections to Redis are opened with. It is safe for concurrent use.
type tokens struct {
	credential azcore.TokenCredential
	renewals   flight.Group

	mu      sync.Mutex
	current azcore.AccessToken
	renewAt time.Time
}

func (t *tokens) get(ctx context.Context) (string, error) {
	now := time.Now()
	t.mu.Lock()
	current, renewAt := t.current, t.renewAt
	t.mu.Unlock()
	usable := tokencache.Token{ExpiresOn: current.ExpiresOn}.Usable(now)
	if usable && now.Before(renewAt) {
		return current.Token, nil
	}
	renewal := t.renewals.Begin("", t.renew)
	if usable {
		return current.Token, nil
	}
	fresh, err := flight.Await[azcore.AccessToken](ctx, tokenTimeout, renewal, func(cause error) error {
		return fmt.Errorf("gave up waiting for it: %w", cause)
	})
	if err != nil {
		return "", err
	}
	return fresh.Token, nil
}

// renew gets a new token, which is replaced after half of its lifetime.
func (t *tokens) renew() (any, error) {
	ctx, cancel := context.WithTimeout(context.Background(), tokenTimeout)
	defer cancel()
	fresh, err := t.credential.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{tokenScope}})
	if err != nil {
		return fresh, err
	}
	if fresh.Token == "" {
		return fresh, errors.New("the credential returned no token")
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.current, t.renewAt = fresh, time.Now().Add(time.Until(fresh.ExpiresOn)/2)
	return fresh, nil
}
