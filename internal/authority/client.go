// Package authority calls Entra as the app: it discovers endpoints and keys, redeems codes, renews
// tokens and verifies ID tokens. Its errors are classified and contain no credentials.
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

// ClaimsCapability is the client capability to handle claims challenges. For APIs with continuous
// access evaluation, clients with this capability get tokens that are valid for about a day.
const ClaimsCapability = "cp1"

// Options configure a Client.
type Options struct {
	// Authority is the URL of the authority with the tenant, without a trailing slash.
	Authority string
	// Tenant is the GUID of the tenant, or "" if the authority has a domain name or allows several tenants.
	Tenant string
	// AllowedTenants and AnyTenant are those of Config. Personal is set if AnyTenant includes personal
	// accounts.
	AllowedTenants []string
	AnyTenant      bool
	Personal       bool

	ClientID    string
	RedirectURI string
	// Audiences are the App ID URIs of the app's own API. WithoutPermission accepts access tokens that
	// have neither scopes nor roles.
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

	version1Keys *idtoken.KeySet // for access tokens only

	tenant   atomic.Pointer[string] // to which the domain name in the authority belongs
	learning atomic.Bool            // the tenant is being looked up
}

// New returns a Client. It does not call the network.
func New(o Options) *Client {
	c := &Client{
		Options: o, http: NewHTTPClient(o.ClientID, o.Transport), gate: newGate(),
		credentials: clientCredentials{all: o.Credentials}, redeemers: make([]sync.Pool, len(o.Credentials)),
	}
	c.keys = idtoken.NewKeySet(c.keysOf(c.Metadata))
	c.version1Keys = idtoken.NewKeySet(c.keysOf(c.metadataVersion1)).NamedBy(c.keys)
	return c
}

// Metadata returns the authority's endpoints. They are cached for a day.
func (c *Client) Metadata(ctx context.Context) (*discovery.Metadata, error) {
	m, err := discovery.Fetch(ctx, c.http, c.Authority)
	if err != nil {
		return nil, c.discoveryFailure(ctx, err)
	}
	return m, nil
}

// discoveryFailure returns the error if the configuration cannot be read. If the authority refuses the
// request, TenantID or Authority is wrong, and waiting does not help.
func (c *Client) discoveryFailure(ctx context.Context, err error) *autherr.Error {
	refused := refusedDiscovery(err)
	if refused == nil {
		return autherr.TryLater("discovery_failed", err)
	}
	c.Telemetry.EntraError(ctx, telemetry.EndpointDiscovery, autherr.AADSTS(refused))
	return refused
}

// metadataVersion1 is like Metadata, but for version 1 tokens.
func (c *Client) metadataVersion1(ctx context.Context) (*discovery.Metadata, error) {
	m, err := discovery.FetchVersion1(ctx, c.http, c.Authority)
	if err != nil {
		return nil, c.discoveryFailure(ctx, err)
	}
	return m, nil
}

// keysOf returns a function that fetches the keys at the URL in the metadata.
func (c *Client) keysOf(metadata func(context.Context) (*discovery.Metadata, error)) func(context.Context) ([]byte, error) {
	return func(ctx context.Context) ([]byte, error) {
		m, err := metadata(ctx)
		if err != nil {
			return nil, err
		}
		return discovery.Get(ctx, c.http, m.JWKSURI)
	}
}

// Owner returns the owner under which MSAL stores the tokens of an account. The account "" stands for
// the app itself.
func (c *Client) Owner(account string) tokencache.Owner {
	host, tenant, _ := strings.Cut(strings.TrimPrefix(c.Authority, "https://"), "/")
	return tokencache.Owner{Account: account, ClientID: c.ClientID, Environment: host, Realm: tenant}
}

// CloseIdleConnections closes the connections to Entra that are not in use.
func (c *Client) CloseIdleConnections() { c.http.CloseIdleConnections() }

// newExchange returns the exchange for one MSAL call.
func (c *Client) newExchange() *exchange {
	return &exchange{client: c.http, gate: c.gate, scopes: c.Scopes, telemetry: c.Telemetry}
}

// newMSALClient returns an MSAL client for one session and one call. Creating a client takes
// microseconds, and clients must not be shared, because MSAL mixes up the tokens of concurrent users
// (trap M1). Instance discovery is off, because every client would call it for a configured authority.
// If tokens is nil, the client keeps nothing after the call.
func (c *Client) newMSALClient(credential confidential.Credential, through httpClient, tokens *msalcache.Memory) (confidential.Client, error) {
	var accessor cache.ExportReplace
	if tokens != nil {
		accessor = msalcache.ForOneCall(tokens)
	}
	return c.newMSALClientWith(credential, through, accessor)
}

// httpClient is the interface that MSAL requires of an HTTP client.
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

// TakeTurn waits for a turn to use the processor. The returned context is for the work, and done ends
// the turn.
func TakeTurn(ctx context.Context, q *turn.Queue) (work context.Context, done func(), err error) {
	work, done, err = q.Take(ctx, TurnPatience)
	if err != nil {
		return nil, nil, autherr.TryLater("no_turn", err)
	}
	return work, done, nil
}
