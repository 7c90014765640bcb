package fibermsal

import (
	"context"
	"crypto/tls"
)

// RedisOption sets what a Redis URL cannot say, for [RedisStorage].
type RedisOption func(*redisOptions)

// redisOptions are what the options of a call add up to.
type redisOptions struct {
	tls         *tls.Config
	credentials func(context.Context) (user, password string, err error)
	encrypted   bool // is required
}

// RedisTLS sets certificate authorities and client certificates for a rediss:// URL. The
// configuration is copied. If it names no server, the certificate must be valid for the
// URL's host. With another URL [RedisStorage] returns an error.
func RedisTLS(config *tls.Config) RedisOption {
	return func(o *redisOptions) { o.tls = config.Clone() }
}

// RedisCredentials asks for user and password whenever a connection is opened, for those
// that change. The URL must then contain neither. It is called concurrently, and its
// context ends with the time limit for connecting.
func RedisCredentials(credentials func(context.Context) (user, password string, err error)) RedisOption {
	return func(o *redisOptions) { o.credentials = credentials }
}

// merge completes the options that were read from a URL.
func (o redisOptions) merge(c clientOptions) error {
	if o.credentials != nil {
		if *c.user != "" || *c.password != "" {
			return redisURLError("names a user or password beside credentials from elsewhere: keep one of them")
		}
		*c.credentials = o.credentials
	}
	if *c.tls == nil && (o.tls != nil || o.encrypted) {
		return redisURLError("must begin with rediss://, because there are TLS settings or Entra ID tokens for it")
	}
	if o.tls == nil {
		return nil
	}
	config := o.tls.Clone()
	config.ServerName = orDefault(config.ServerName, (*c.tls).ServerName)
	*c.tls = config
	return nil
}
