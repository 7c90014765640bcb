// Package redisclient creates Redis clients from URLs, with time limits that keep a request from
// waiting for a stalled server.
package redisclient

import (
	"cmp"
	"context"
	"crypto/tls"
	"net"
	"time"

	"github.com/fibermsal/fibermsal/internal/redisdial"
)

// Time limits of a Redis command. go-redis waits for seconds by default and ignores the
// context's deadline, so a stalled Redis would hold every request.
const (
	dialTimeout = 500 * time.Millisecond
	timeout     = 250 * time.Millisecond
	retries     = 1
	dials       = 1
	dialPause   = time.Millisecond // which go-redis also waits after the last attempt
	// idleTime is how long an unused connection is kept. Load balancers drop idle connections
	// after about four minutes without closing them.
	idleTime = 3 * time.Minute
)

// Options are settings that a URL cannot express.
type Options struct {
	// TLS are settings for a rediss:// URL.
	TLS *tls.Config
	// Credentials returns user and password whenever a connection is opened.
	Credentials func(context.Context) (user, password string, err error)
	// RequireTLS rejects URLs other than rediss://.
	RequireTLS bool
}

// common points to the options that go-redis' three kinds of clients have in common. Their types have
// no common interface.
type common struct {
	dialTimeout, readTimeout, writeTimeout, poolTimeout, idleTime *time.Duration

	honourDeadlines *bool
	dials           *int
	dialPause       *time.Duration
	dialer          *func(ctx context.Context, network, addr string) (net.Conn, error)
	tls             **tls.Config
	user, password  *string
	credentials     *func(context.Context) (user, password string, err error)
}

// complete sets the options that the URL does not set, and those that a URL cannot express.
func (c common) complete(o Options) error {
	if err := c.merge(o); err != nil {
		return err
	}
	*c.dialTimeout = cmp.Or(*c.dialTimeout, dialTimeout)
	*c.readTimeout = cmp.Or(*c.readTimeout, timeout)
	*c.writeTimeout = cmp.Or(*c.writeTimeout, timeout)
	*c.poolTimeout = cmp.Or(*c.poolTimeout, timeout)
	*c.idleTime = cmp.Or(*c.idleTime, idleTime)
	*c.honourDeadlines, *c.dials, *c.dialPause = true, dials, dialPause
	*c.dialer = redisdial.New(max(*c.dialTimeout, 0), max(*c.readTimeout, 0), *c.tls).Dial
	return nil
}

func (c common) merge(o Options) error {
	if o.Credentials != nil {
		if *c.user != "" || *c.password != "" {
			return urlError("contains a user or password, but credentials come from elsewhere; use only one of them")
		}
		*c.credentials = o.Credentials
	}
	if *c.tls == nil && (o.TLS != nil || o.RequireTLS) {
		return urlError("must begin with rediss://, because there are TLS settings or Entra ID tokens for it")
	}
	if o.TLS == nil {
		return nil
	}
	config := o.TLS.Clone()
	config.ServerName = cmp.Or(config.ServerName, (*c.tls).ServerName)
	*c.tls = config
	return nil
}
