package redisclient

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/fibermsal/fibermsal/internal/redisdial"
)

// urlError is a problem with a URL. Its text completes a sentence about the URL, and contains no part
// of the URL except the name of an option.
type urlError string

func (e urlError) Error() string { return string(e) }

func reservedLetters() error {
	return urlError("is not a URL of the form redis://user:password@host:6379/0; characters that are reserved in URLs, such as / ? # @ in a password, must be percent-encoded")
}

func socketAlone() error {
	return urlError("has the form unix://, which leads to a single server only")
}

func wrongOption(name string) error {
	return urlError(fmt.Sprintf("has an unknown option %.60q, or a wrong value for it", name))
}

func readsReplicas(name string) error {
	return urlError(fmt.Sprintf("has an option %q that reads from replicas, which lag: users who signed out may seem signed in", name))
}

// parser reads a URL for one kind of Redis deployment.
type parser func(*url.URL, Options) (connect func() redis.UniversalClient, err error)

// New returns the client for a URL. Its error completes a sentence about the URL. It does not contain
// the error of go-redis, which repeats the part of the URL that is not understood, and this may be the
// password (threat F2).
func New(address string, more Options) (redis.UniversalClient, error) {
	u, err := url.Parse(address)
	switch {
	case err != nil:
		return nil, reservedLetters()
	case !slices.Contains([]string{"redis", "rediss", "unix"}, u.Scheme):
		return nil, urlError("is not a URL of the form redis://user:password@host:6379/0, rediss://… or unix://…")
	case u.Fragment != "": // most likely the rest of a password
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

// mistakeIn finds the option that a parser does not understand, by passing one option at a time to it.
func mistakeIn(u url.URL, parse parser, err error) error {
	if errors.As(err, new(urlError)) {
		return err
	}
	if strings.Contains(u.Path+u.RawQuery, "@") { // so what looks like a path or an option may be part of a password
		return reservedLetters()
	}
	options := u.Query()
	for _, name := range slices.Sorted(maps.Keys(options)) {
		part := url.URL{Scheme: "redis", Host: u.Host, RawQuery: url.Values{name: options[name]}.Encode()}
		if _, err := parse(&part, Options{}); err != nil {
			return wrongOption(name)
		}
	}
	if u.Scheme == "unix" {
		return urlError("has no path of a socket")
	}
	return urlError("has a path that is not the number of a database")
}

func parseSingle(u *url.URL, more Options) (func() redis.UniversalClient, error) {
	o, err := redis.ParseURL(u.String())
	if err != nil {
		return nil, err
	}
	o.MaxRetries = cmp.Or(o.MaxRetries, retries)
	shared := common{
		&o.DialTimeout, &o.ReadTimeout, &o.WriteTimeout, &o.PoolTimeout, &o.ConnMaxIdleTime,
		&o.ContextTimeoutEnabled, &o.DialerRetries, &o.DialerRetryTimeout, &o.Dialer, &o.TLSConfig,
		&o.Username, &o.Password, &o.CredentialsProviderContext,
	}
	if err := shared.complete(more); err != nil {
		return nil, err
	}
	return func() redis.UniversalClient { return unpaused(redis.NewClient(o)) }, nil
}

// parseCluster does not set MaxRetries, because a Cluster client has redirects instead.
func parseCluster(u *url.URL, more Options) (func() redis.UniversalClient, error) {
	if u.Scheme == "unix" {
		return nil, socketAlone()
	}
	o, err := redis.ParseClusterURL(u.String())
	switch {
	case err != nil:
		return nil, err
	case strings.Trim(u.Path, "/0") != "":
		return nil, urlError("names a database, but a Cluster has only number 0")
	case o.ReadOnly:
		return nil, readsReplicas("read_only")
	case o.RouteByLatency:
		return nil, readsReplicas("route_by_latency")
	case o.RouteRandomly:
		return nil, readsReplicas("route_randomly")
	}
	shared := common{
		&o.DialTimeout, &o.ReadTimeout, &o.WriteTimeout, &o.PoolTimeout, &o.ConnMaxIdleTime,
		&o.ContextTimeoutEnabled, &o.DialerRetries, &o.DialerRetryTimeout, &o.Dialer, &o.TLSConfig,
		&o.Username, &o.Password, &o.CredentialsProviderContext,
	}
	if err := shared.complete(more); err != nil {
		return nil, err
	}
	return func() redis.UniversalClient {
		client := redis.NewClusterClient(o)
		client.OnNewNode(func(node *redis.Client) { unpaused(node) })
		return client
	}, nil
}

func parseSentinel(u *url.URL, more Options) (func() redis.UniversalClient, error) {
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
	o.MaxRetries = cmp.Or(o.MaxRetries, retries)
	shared := common{
		&o.DialTimeout, &o.ReadTimeout, &o.WriteTimeout, &o.PoolTimeout, &o.ConnMaxIdleTime,
		&o.ContextTimeoutEnabled, &o.DialerRetries, &o.DialerRetryTimeout, &o.Dialer, &o.TLSConfig,
		&o.Username, &o.Password, &o.CredentialsProviderContext,
	}
	if err := shared.complete(more); err != nil {
		return nil, err
	}
	return func() redis.UniversalClient { return unpaused(redis.NewFailoverClient(o)) }, nil
}

func unpaused(client *redis.Client) *redis.Client {
	client.AddHook(redisdial.Unpaused{})
	return client
}

// HonoursDeadlines reports whether a client ends a command when its context ends. Clients of types
// other than go-redis' own are assumed to do so.
func HonoursDeadlines(client redis.UniversalClient) bool {
	switch c := client.(type) {
	case *redis.Client:
		return c.Options().ContextTimeoutEnabled
	case *redis.ClusterClient:
		return c.Options().ContextTimeoutEnabled
	}
	return true
}
