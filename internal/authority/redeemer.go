package authority

import (
	"context"
	"net/http"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"

	"github.com/fibermsal/fibermsal/internal/discovery"
	"github.com/fibermsal/fibermsal/internal/msalcache"
)

// redeemer is an MSAL client that redeems codes, one after the other. A new client reads the configuration
// of the authority, which is a fifteenth of a sign-in. It can be kept although it serves one user after
// another, because it is used by one at a time (trap M1), forgets before each call what it holds (M2), and is
// never given a token: exchange withholds them.
type redeemer struct {
	client   confidential.Client
	metadata *discovery.Metadata // that the client has read, nil if it is not to be kept
	exchange *exchange           // of the call under way
}

// Do and CloseIdleConnections implement MSAL's HTTP client.
func (r *redeemer) Do(q *http.Request) (*http.Response, error) { return r.exchange.Do(q) }

// CloseIdleConnections does nothing, because the connections are shared.
func (r *redeemer) CloseIdleConnections() {}

// redeemer returns an MSAL client with a client credential, which nothing else uses.
func (c *Client) redeemer(ctx context.Context, i int) (*redeemer, error) {
	var current *discovery.Metadata
	if _, isFixed := c.credentials.all[i].(fixed); isFixed {
		current, _ = discovery.Fetch(ctx, c.http, c.Authority) // or MSAL finds the error
	}
	if kept, _ := c.redeemers[i].Get().(*redeemer); kept != nil && kept.metadata == current {
		return kept, nil
	}
	credential, err := c.credentials.credential(ctx, i)
	if err != nil {
		return nil, err
	}
	r := &redeemer{metadata: current}
	r.client, err = c.newMSALClientWith(credential, r, msalcache.Forgetful{})
	return r, err
}

// redeem makes an MSAL call that redeems a code.
func (c *Client) redeem(ctx context.Context, beforeSending func() error, call func(confidential.Client) error) (*exchange, error) {
	return c.credentials.try(func(i int) (*exchange, error) {
		r, err := c.redeemer(ctx, i)
		if err != nil {
			return nil, err
		}
		x := c.newExchange()
		x.beforeSending, x.withholdsTokens = beforeSending, true
		r.exchange = x
		err = call(r.client)
		r.exchange = nil
		if err == nil && r.metadata != nil {
			c.redeemers[i].Put(r)
		}
		return x, err
	})
}
