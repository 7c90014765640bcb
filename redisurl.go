package fibermsal

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/fibermsal/fibermsal/internal/redisdial"
)

// Time limits of a Redis command. go-redis waits for seconds by default, and ignores the
// context's deadline, so that a stalled Redis would hold every request.
const (
	redisDialTimeout = 500 * time.Millisecond
	redisTimeout     = 250 * time.Millisecond
	redisRetries     = 1
	redisDials       = 1
	redisDialPause   = time.Millisecond // which go-redis also waits after the last attempt
	// redisIdleTime is how long a connection is kept that nobody uses. Load balancers drop
	// idle ones after about four minutes, without saying so.
	redisIdleTime = 3 * time.Minute
)

// clientOptions are the options that go-redis' three kinds of clients have in common. Their
// types share no interface.
type clientOptions struct {
	dialTimeout, readTimeout, writeTimeout, poolTimeout, idleTime *time.Duration

	honourDeadlines *bool
	dials           *int
	dialPause       *time.Duration
	dialer          *func(ctx context.Context, network, addr string) (net.Conn, error)
	tls             **tls.Config
	user, password  *string
	credentials     *func(context.Context) (user, password string, err error)
}

// complete sets what the URL leaves open, and what no URL can say.
func (o clientOptions) complete(more redisOptions) error {
	if err := more.merge(o); err != nil {
		return err
	}
	*o.dialTimeout = orDefault(*o.dialTimeout, redisDialTimeout)
	*o.readTimeout = orDefault(*o.readTimeout, redisTimeout)
	*o.writeTimeout = orDefault(*o.writeTimeout, redisTimeout)
	*o.poolTimeout = orDefault(*o.poolTimeout, redisTimeout)
	*o.idleTime = orDefault(*o.idleTime, redisIdleTime)
	*o.honourDeadlines, *o.dials, *o.dialPause = true, redisDials, redisDialPause
	*o.dialer = redisdial.New(max(*o.dialTimeout, 0), max(*o.readTimeout, 0), *o.tls).Dial
	return nil
}

// redisURLError is what is wrong with a URL. It completes a sentence about the URL, and
// repeats nothing of it but an option's name.
type redisURLError string

func (e redisURLError) Error() string { return string(e) }

func reservedLetters() error {
	return redisURLError("is not a URL of the form redis://user:password@host:6379/0; what is reserved in URLs, such as / ? # @ in a password, must be percent-encoded")
}

func socketAlone() error {
	return redisURLError("is of the form unix://, which leads to a single server only")
}

func wrongOption(name string) error {
	return redisURLError(fmt.Sprintf("has an option %q that is not known there, or has a wrong value", name))
}

func readsReplicas(name string) error {
	return redisURLError(fmt.Sprintf("has an option %q that has replicas read, which lag: who has signed out may seem signed in", name))
}

// redisParser reads a URL for one way to run Redis.
type redisParser func(*url.URL, redisOptions) (connect func() redis.UniversalClient, err error)

// redisClient makes the client that a URL asks for. The error is a [redisURLError]: those
// of go-redis repeat what they do not understand, which may be the password (threat F2).
func redisClient(address string, more redisOptions) (redis.UniversalClient, error) {
	u, err := url.Parse(address)
	switch {
	case err != nil:
		return nil, reservedLetters()
	case !slices.Contains([]string{"redis", "rediss", "unix"}, u.Scheme):
		return nil, redisURLError("is not a URL of the form redis://user:password@host:6379/0, rediss://… or unix://…")
	case u.Fragment != "": // the rest of a password, most likely
		return nil, reservedLetters()
	}
	parse := parseSingle
	switch options := u.Query(); {
	case options.Has("master_name"):
		parse = parseSentinel
	case options.Has("addr"):
		parse = parseCluster
	}
	connect, err := parse(u, more)
	if err != nil {
		return nil, mistakeIn(*u, parse, err)
	}
	return connect(), nil
}

// mistakeIn finds what a parser does not understand, by giving it a part at a time.
func mistakeIn(u url.URL, parse redisParser, err error) error {
	if errors.As(err, new(redisURLError)) {
		return err
	}
	if strings.Contains(u.Path+u.RawQuery, "@") { // so what looks like a path or an option may be part of a password
		return reservedLetters()
	}
	options := u.Query()
	for _, name := range slices.Sorted(maps.Keys(options)) {
		part := url.URL{Scheme: "redis", Host: u.Host, RawQuery: url.Values{name: options[name]}.Encode()}
		if _, err := parse(&part, redisOptions{}); err != nil {
			return wrongOption(name)
		}
	}
	if u.Scheme == "unix" {
		return redisURLError("has no path of a socket")
	}
	return redisURLError("has a path that is not the number of a database")
}

func parseSingle(u *url.URL, more redisOptions) (func() redis.UniversalClient, error) {
	o, err := redis.ParseURL(u.String())
	if err != nil {
		return nil, err
	}
	o.MaxRetries = orDefault(o.MaxRetries, redisRetries)
	common := clientOptions{
		&o.DialTimeout, &o.ReadTimeout, &o.WriteTimeout, &o.PoolTimeout, &o.ConnMaxIdleTime,
		&o.ContextTimeoutEnabled, &o.DialerRetries, &o.DialerRetryTimeout, &o.Dialer, &o.TLSConfig,
		&o.Username, &o.Password, &o.CredentialsProviderContext,
	}
	if err := common.complete(more); err != nil {
		return nil, err
	}
	return func() redis.UniversalClient { return redis.NewClient(o) }, nil
}

// parseCluster leaves MaxRetries alone: a Cluster's client has its redirects.
func parseCluster(u *url.URL, more redisOptions) (func() redis.UniversalClient, error) {
	if u.Scheme == "unix" {
		return nil, socketAlone()
	}
	o, err := redis.ParseClusterURL(u.String())
	switch {
	case err != nil:
		return nil, err
	case strings.Trim(u.Path, "/0") != "":
		return nil, redisURLError("names a database, of which a Cluster has only 0")
	case o.ReadOnly:
		return nil, readsReplicas("read_only")
	case o.RouteByLatency:
		return nil, readsReplicas("route_by_latency")
	case o.RouteRandomly:
		return nil, readsReplicas("route_randomly")
	}
	common := clientOptions{
		&o.DialTimeout, &o.ReadTimeout, &o.WriteTimeout, &o.PoolTimeout, &o.ConnMaxIdleTime,
		&o.ContextTimeoutEnabled, &o.DialerRetries, &o.DialerRetryTimeout, &o.Dialer, &o.TLSConfig,
		&o.Username, &o.Password, &o.CredentialsProviderContext,
	}
	if err := common.complete(more); err != nil {
		return nil, err
	}
	return func() redis.UniversalClient { return redis.NewClusterClient(o) }, nil
}

func parseSentinel(u *url.URL, more redisOptions) (func() redis.UniversalClient, error) {
	if u.Scheme == "unix" {
		return nil, socketAlone()
	}
	o, err := redis.ParseFailoverURL(u.String())
	switch {
	case err != nil:
		return nil, err
	case o.MasterName == "" && u.Query().Has("master_name"):
		return nil, wrongOption("master_name")
	case o.ReplicaOnly:
		return nil, readsReplicas("replica_only")
	case o.RouteByLatency: // go-redis would panic
		return nil, readsReplicas("route_by_latency")
	case o.RouteRandomly:
		return nil, readsReplicas("route_randomly")
	}
	o.MaxRetries = orDefault(o.MaxRetries, redisRetries)
	common := clientOptions{
		&o.DialTimeout, &o.ReadTimeout, &o.WriteTimeout, &o.PoolTimeout, &o.ConnMaxIdleTime,
		&o.ContextTimeoutEnabled, &o.DialerRetries, &o.DialerRetryTimeout, &o.Dialer, &o.TLSConfig,
		&o.Username, &o.Password, &o.CredentialsProviderContext,
	}
	if err := common.complete(more); err != nil {
		return nil, err
	}
	return func() redis.UniversalClient { return redis.NewFailoverClient(o) }, nil
}
