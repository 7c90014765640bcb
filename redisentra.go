package fibermsal

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"

	"github.com/fibermsal/fibermsal/internal/flight"
	"github.com/fibermsal/fibermsal/internal/redact"
)

// redisEntraScope is the scope of the tokens that Azure's managed Redis services accept.
const redisEntraScope = "https://redis.azure.com/.default"

// RedisEntraID signs in to Azure Managed Redis or Azure Cache for Redis with tokens of Entra
// ID. The object ID belongs to the managed identity or service principal of the credential,
// which needs an access policy in the cache. The URL must begin with rediss://, because
// tokens are bearer secrets, and contain neither user nor password.
//
// A token is remembered until it is about to expire and replaced in the background before:
// opening a connection must not wait for Entra.
func RedisEntraID(objectID string, credential azcore.TokenCredential) RedisOption {
	tokens := &redisTokens{credential: credential}
	return func(o *redisOptions) {
		o.encrypted = true
		o.credentials = func(ctx context.Context) (user, password string, err error) {
			password, err = tokens.get(ctx)
			if err != nil {
				err = noRedisToken(err)
			}
			return objectID, password, err
		}
	}
}

// noRedisToken is an error whose text says why, for go-redis and the log keep no more of it.
func noRedisToken(err error) error {
	const what = "no Entra ID token for Redis"
	var e *Error
	if !errors.As(err, &e) {
		return fmt.Errorf(what+": %w", err)
	}
	text := what + ": " + e.Code + ": " + e.Reason
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	if e.advice != "" {
		text += "; " + e.advice
	}
	return redact.Wrap(errors.New(text), ended(err))
}

// redisTokens are the tokens that connections to Redis are opened with. It is safe for
// concurrent use.
type redisTokens struct {
	credential azcore.TokenCredential
	renewals   flight.Group

	mu      sync.Mutex
	known   azcore.AccessToken
	renewAt time.Time
}

func (t *redisTokens) get(ctx context.Context) (string, error) {
	now := time.Now()
	t.mu.Lock()
	known, renewAt := t.known, t.renewAt
	t.mu.Unlock()
	good := known.ExpiresOn.Sub(now) > minTokenLife
	if good && now.Before(renewAt) {
		return known.Token, nil
	}
	renewal := t.renewals.Begin("", t.renew)
	if good {
		return known.Token, nil
	}
	fresh, err := awaited[azcore.AccessToken](ctx, entraTimeout, renewal)
	return fresh.Token, err
}

// renew gets a new token, which is replaced when half of its life is over.
func (t *redisTokens) renew() (any, error) {
	ctx, cancel := context.WithTimeout(context.Background(), entraTimeout)
	defer cancel()
	fresh, err := t.credential.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{redisEntraScope}})
	if err != nil {
		return fresh, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.known, t.renewAt = fresh, time.Now().Add(time.Until(fresh.ExpiresOn)/2)
	return fresh, nil
}

// appIdentity gives tokens of the app itself before there is an Auth, for the storage that
// the Auth will use. It keeps them in memory only, and makes one call at a time.
type appIdentity struct {
	cfg Config

	mu      sync.Mutex
	clients []appClient // one for each proof of identity, once there are any
}

type appClient struct {
	confidential.Client
	exchange *exchange
}

// GetToken implements azcore.TokenCredential.
func (i *appIdentity) GetToken(ctx context.Context, options policy.TokenRequestOptions) (azcore.AccessToken, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if err := i.open(ctx); err != nil {
		return azcore.AccessToken{}, err
	}
	var failure error
	for _, client := range i.clients {
		got, err := client.AcquireTokenByCredential(ctx, options.Scopes)
		if err == nil {
			return azcore.AccessToken{Token: got.AccessToken, ExpiresOn: got.ExpiresOn}, nil
		}
		failure = client.exchange.appFailure() // MSAL's error may contain a secret (threat F1)
	}
	return azcore.AccessToken{}, failure
}

// open makes the clients.
func (i *appIdentity) open(ctx context.Context) error {
	if len(i.clients) > 0 {
		return nil
	}
	s, err := i.cfg.complete()
	if err != nil {
		return err
	}
	shared, gate := entraClient(s.HTTPClient), newEntraGate()
	var clients []appClient
	for _, proof := range s.credentials() {
		credential, err := proof(ctx)
		if err != nil {
			return entraUnavailable("credential_failed", err)
		}
		x := &exchange{client: shared, gate: gate, graph: s.graph}
		client, err := confidential.New(s.authority, s.ClientID, credential, confidential.WithHTTPClient(x), confidential.WithInstanceDiscovery(false))
		if err != nil {
			return ErrMisconfigured.because("client", errors.New("MSAL refused the authority or the credential"))
		}
		clients = append(clients, appClient{client, x})
	}
	i.clients = clients
	return nil
}
