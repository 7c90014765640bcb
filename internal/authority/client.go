// Package authority talks to Entra as the app: it discovers endpoints and keys, redeems codes,
// renews tokens and verifies id_tokens. Everything it returns is classified and free of
// credentials.
package authority

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/cache"
	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"

	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/background"
	"github.com/fibermsal/fibermsal/internal/discovery"
	"github.com/fibermsal/fibermsal/internal/idtoken"
	"github.com/fibermsal/fibermsal/internal/msalcache"
	"github.com/fibermsal/fibermsal/internal/telemetry"
	"github.com/fibermsal/fibermsal/internal/tokencache"
	"github.com/fibermsal/fibermsal/internal/turn"
)

const (
	// ClockSkew is the maximum difference between the clocks of Entra and this machine.
	ClockSkew = 5 * time.Minute
	// TurnPatience is how long work waits for its turn to use the processor.
	TurnPatience = 2*CallTimeout + time.Second
)

// ClaimsCapability is the client capability to answer claims challenges. APIs with continuous access
// evaluation issue tokens that live for a day to clients that have it.
const ClaimsCapability = "cp1"

// Options configure a Client.
type Options struct {
	// Authority is the URL of the authority with the tenant, without a slash at the end.
	Authority string
	// Tenant is the GUID of the tenant, or "" if the authority names a domain or many tenants.
	Tenant string
	// AllowedTenants and AnyTenant are those of Config. Personal is set if AnyTenant is to include
	// personal accounts.
	AllowedTenants []string
	AnyTenant      bool
	Personal       bool

	ClientID    string
	RedirectURI string
	// Audiences are the App ID URIs of the app's own API. WithoutPermission accepts access tokens with
	// neither scopes nor roles.
	Audiences         []string
	WithoutPermission bool
	Scopes            *Scopes
	Credentials       []ClientCredential
	Transport         http.RoundTripper
	Background        *background.Group
	Log               *slog.Logger
	Telemetry         *telemetry.Telemetry
}

// Client is the app at its authority. It is safe for concurrent use.
type Client struct {
	Options

	http        *http.Client // cached, limited, without redirects
	gate        *gate        // of the token endpoint
	keys        *idtoken.KeySet
	credentials clientCredentials
	redeemers   []sync.Pool // for each credential

	version1Keys *idtoken.KeySet // of access tokens only

	tenant   atomic.Pointer[string] // that the domain name of the authority stands for
	learning atomic.Bool            // that tenant
}

// New makes a Client without any call to the network.
func New(o Options) *Client {
	c := &Client{
		Options: o, http: NewHTTPClient(o.ClientID, o.Transport), gate: newGate(),
		credentials: clientCredentials{all: o.Credentials}, redeemers: make([]sync.Pool, len(o.Credentials)),
	}
	c.keys = idtoken.NewKeySet(c.keysOf(c.Metadata))
	c.version1Keys = idtoken.NewKeySet(c.keysOf(c.metadataVersion1)).NamedBy(c.keys)
	return c
}

// Metadata returns the authority's endpoints, from memory except the first time and once a day.
func (c *Client) Metadata(ctx context.Context) (*discovery.Metadata, error) {
	m, err := discovery.Fetch(ctx, c.http, c.Authority)
	if err != nil {
		return nil, c.discoveryFailure(ctx, err)
	}
	return m, nil
}

// discoveryFailure returns what it means that there is no configuration. An authority that
// refuses it is a mistake in TenantID or Authority, for which waiting is no help.
func (c *Client) discoveryFailure(ctx context.Context, err error) *autherr.Error {
	refused := refusedDiscovery(err)
	if refused == nil {
		return autherr.TryLater("discovery_failed", err)
	}
	c.Telemetry.EntraError(ctx, telemetry.EndpointDiscovery, autherr.AADSTS(refused))
	return refused
}

// metadataVersion1 is Metadata of tokens of version 1.
func (c *Client) metadataVersion1(ctx context.Context) (*discovery.Metadata, error) {
	m, err := discovery.FetchVersion1(ctx, c.http, c.Authority)
	if err != nil {
		return nil, c.discoveryFailure(ctx, err)
	}
	return m, nil
}

// keysOf returns a function that fetches the keys to which metadata lead.
func (c *Client) keysOf(metadata func(context.Context) (*discovery.Metadata, error)) func(context.Context) ([]byte, error) {
	return func(ctx context.Context) ([]byte, error) {
		m, err := metadata(ctx)
		if err != nil {
			return nil, err
		}
		return discovery.Get(ctx, c.http, m.JWKSURI)
	}
}

// Owner returns the owner under which MSAL files the tokens of an account, "" for the app's own.
func (c *Client) Owner(account string) tokencache.Owner {
	host, tenant, _ := strings.Cut(strings.TrimPrefix(c.Authority, "https://"), "/")
	return tokencache.Owner{Account: account, ClientID: c.ClientID, Environment: host, Realm: tenant}
}

// CloseIdleConnections closes the connections to Entra that are not in use.
func (c *Client) CloseIdleConnections() { c.http.CloseIdleConnections() }

// newExchange makes the exchange of one MSAL call.
func (c *Client) newExchange() *exchange {
	return &exchange{client: c.http, gate: c.gate, scopes: c.Scopes, telemetry: c.Telemetry}
}

// newMSALClient makes an MSAL client for one session and one call. Clients cost microseconds
// and must not be shared, because MSAL mixes up the tokens of concurrent users (trap M1).
// Instance discovery is off because every client would call it for a configured authority. Without a
// cache, the client remembers nothing beyond the call.
func (c *Client) newMSALClient(credential confidential.Credential, through httpClient, tokens *msalcache.Memory) (confidential.Client, error) {
	var accessor cache.ExportReplace
	if tokens != nil {
		accessor = msalcache.ForOneCall(tokens)
	}
	return c.newMSALClientWith(credential, through, accessor)
}

// httpClient is MSAL's view of an HTTP client.
type httpClient interface {
	Do(*http.Request) (*http.Response, error)
	CloseIdleConnections()
}

func (c *Client) newMSALClientWith(credential confidential.Credential, through httpClient, accessor cache.ExportReplace) (confidential.Client, error) {
	client, err := confidential.New(c.Authority, c.ClientID, credential,
		confidential.WithHTTPClient(through),
		confidential.WithInstanceDiscovery(false),
		confidential.WithClientCapabilities([]string{ClaimsCapability}),
		confidential.WithCache(accessor),
	)
	if err != nil {
		return confidential.Client{}, autherr.Misconfigured.New("client", errors.New("MSAL refused the authority or the credential"))
	}
	return client, nil
}

// TakeTurn waits until it is this work's turn to use the processor. The returned context is
// that of the work, and done ends the turn.
func TakeTurn(ctx context.Context, q *turn.Queue) (work context.Context, done func(), err error) {
	work, done, err = q.Take(ctx, TurnPatience)
	if err != nil {
		return nil, nil, autherr.TryLater("no_turn", err)
	}
	return work, done, nil
}
