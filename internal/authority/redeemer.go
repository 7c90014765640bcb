package authority

import (
	"context"
	"net/http"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"

	"github.com/fibermsal/fibermsal/internal/discovery"
	"github.com/fibermsal/fibermsal/internal/msalcache"
)

// redeemer is an MSAL client that redeems codes, one after another. A new client reads the
// configuration of the authority, which takes a fifteenth of a sign-in. It can be reused for different
// users, because only one sign-in uses it at a time (trap M1), it clears its cache before each call
// (M2), and it never gets a token, because exchange withholds them.
type redeemer struct {
	client   confidential.Client
	metadata *discovery.Metadata // that the client has read; nil if the client must not be kept
	exchange *exchange           // of the call in progress
}

// Do and CloseIdleConnections implement MSAL's HTTP client.
func (r *redeemer) Do(q *http.Request) (*http.Response, error) { return r.exchange.Do(q) }

// CloseIdleConnections does nothing, because the connections are shared.
func (r *redeemer) CloseIdleConnections() {}

// redeemer returns an MSAL client with a client credential. Nothing else uses the client at the same time.
func (c *Client) redeemer(ctx context.Context, i int) (*redeemer, error) {
	var current *discovery.Metadata
	if _, isFixed := c.credentials.all[i].(fixed); isFixed {
		current, _ = discovery.Fetch(ctx, c.http, c.Authority) // if this fails, MSAL reports the error
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
