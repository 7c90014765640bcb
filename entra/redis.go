package entra

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	fiberredis "github.com/gofiber/storage/redis/v3"
	"github.com/redis/go-redis/v9"

	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/authority"
	"github.com/fibermsal/fibermsal/internal/background"
	"github.com/fibermsal/fibermsal/internal/record"
	"github.com/fibermsal/fibermsal/internal/redact"
	"github.com/fibermsal/fibermsal/internal/redisclient"
	"github.com/fibermsal/fibermsal/internal/telemetry"
	"github.com/fibermsal/fibermsal/internal/tokencache"
)

// RedisStorage returns a storage for a URL in the format of go-redis. Its timeouts limit how long a
// request waits for Redis. The query of the URL selects the topology:
//
//	redis://user:password@host:6379/0             one server; rediss:// for TLS, unix:// for a socket
//	redis://user:password@host:6379?addr=host2:6379&addr=host3:6379
//	                                              a Cluster: some of its servers; see redis.ParseClusterURL
//	redis://host:26379/0?master_name=app&addr=host2:26379&username=user&password=password
//	                                              a master that Sentinels watch; see redis.ParseFailoverURL
//
// For a Cluster of which you name only one server, repeat that server: ?addr=host:6379. Credentials
// before the host of a Sentinel are for the Sentinels; username and password in the query are for the
// master. With rediss://, all servers, including Sentinels, must have a certificate for the URL's host.
//
// Options in the query, such as pool_size or read_timeout, are honoured, except those that read from
// replicas. The default timeouts are 500 ms for connecting, and 250 ms each for the reply and for
// getting a connection from the pool. All attempts of a command together take at most twice
// read_timeout.
//
// Connections are closed after three minutes without use (conn_max_idle_time). If a command gets no
// reply because the network has dropped its connection, the other idle connections are closed, too.
//
// RedisStorage does not connect, so an app can start while Redis is down. The caller must close the
// storage. Fiber's session middleware can use the same storage. The error never contains the URL,
// because the URL may contain a password.
func RedisStorage(url string, options ...RedisOption) (*fiberredis.Storage, error) {
	var all redisclient.Options
	for _, set := range options {
		set(&all)
	}
	client, err := redisclient.New(url, all)
	if err != nil {
		return nil, fmt.Errorf("fibermsal: RedisStorage: the URL %w", err)
	}
	return fiberredis.NewFromConnection(client), nil
}

// RedisOption sets what a Redis URL cannot express, for [RedisStorage].
type RedisOption func(*redisclient.Options)

// RedisTLS sets certificate authorities and client certificates for a rediss:// URL. The configuration
// is copied. If it has no ServerName, the server's certificate must be valid for the URL's host. With
// any other kind of URL, [RedisStorage] returns an error.
func RedisTLS(config *tls.Config) RedisOption {
	return func(o *redisclient.Options) { o.TLS = config.Clone() }
}

// RedisCredentials sets a function that returns the user and the password for each new connection, for
// credentials that change. The URL must then contain neither, or [RedisStorage] returns an error. Open
// connections keep the credentials with which they were opened.
//
// The function is called concurrently, and its context ends with the timeout for connecting. If it
// returns an error, the command that needed the connection fails with this error, as if Redis were
// unreachable. The error is logged, so its text must not contain the password.
func RedisCredentials(credentials func(context.Context) (user, password string, err error)) RedisOption {
	return func(o *redisclient.Options) { o.Credentials = credentials }
}

// RedisEntraID signs in to Azure Managed Redis or Azure Cache for Redis with tokens of Entra ID.
// objectID is the object ID of the managed identity or service principal of the credential, which needs
// an access policy in the cache. The URL must begin with rediss://, because tokens are bearer secrets,
// and must contain neither user nor password.
//
// A token is cached and replaced in the background before it expires, so that opening a connection does
// not wait for Entra.
func RedisEntraID(objectID string, credential azcore.TokenCredential) RedisOption {
	tokens := redisclient.EntraTokens(objectID, credential)
	return func(o *redisclient.Options) {
		o.RequireTLS = true
		o.Credentials = func(ctx context.Context) (user, password string, err error) {
			user, password, err = tokens(ctx)
			if err != nil {
				err = noRedisToken(err)
			}
			return user, password, err
		}
	}
}

// noRedisToken returns an error whose text contains the reason, because go-redis and the log keep only
// the text.
func noRedisToken(err error) error {
	const what = "no Entra ID token for Redis"
	e, ok := autherr.Find(err)
	if !ok {
		return fmt.Errorf(what+": %w", err)
	}
	text := what + ": " + e.Code + ": " + e.Reason
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	if advice := autherr.Advice(e); advice != "" {
		text += "; " + advice
	}
	return redact.Wrap(errors.New(text), autherr.EndedContext(err))
}

// appIdentity provides tokens of the app itself for the storage, before there is a Service. It makes
// one call at a time and caches nothing.
type appIdentity struct {
	cfg plainConfig

	mu     sync.Mutex
	client *authority.Client // nil until it is needed
}

// GetToken implements azcore.TokenCredential.
func (i *appIdentity) GetToken(ctx context.Context, options policy.TokenRequestOptions) (azcore.AccessToken, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.client == nil {
		settings, err := i.cfg.complete()
		if err != nil {
			return azcore.AccessToken{}, err
		}
		i.client = settings.newAuthority(background.New(settings.Logger), nil)
	}
	got, _, err := i.client.AppToken(ctx, options.Scopes[0], "", new(tokencache.Cache))
	if err != nil {
		return azcore.AccessToken{}, err
	}
	return azcore.AccessToken{Token: got.Secret, ExpiresOn: got.ExpiresOn}, nil
}

// backend returns the backend for a storage. Redis and embedded storages have their own backends; other
// storages are accessed through the methods of Storage. A storage that is down is not called for a
// while.
func backend(storage Storage, log *slog.Logger, observe func(operation string) func(error)) record.Backend {
	if storage == nil {
		return record.NewMemory()
	}
	return record.NewGuarded(unguarded(storage, log), observe, func(down bool) {
		if down {
			log.LogAttrs(context.Background(), slog.LevelError, "the session storage is down: requests get 503 until it is back")
		} else {
			log.LogAttrs(context.Background(), slog.LevelInfo, "the session storage is back")
		}
	})
}

func unguarded(storage Storage, log *slog.Logger) record.Backend {
	if embedded, ok := storage.(record.Embedded); ok {
		return embedded.Backend()
	}
	if connected, ok := storage.(interface{ Conn() redis.UniversalClient }); ok {
		return redisBackend(connected.Conn(), log)
	}
	return record.NewPlain(storage)
}

func redisBackend(client redis.UniversalClient, log *slog.Logger) *record.Redis {
	if !redisclient.HonoursDeadlines(client) {
		log.LogAttrs(context.Background(), slog.LevelWarn,
			"the Redis client has ContextTimeoutEnabled off, so a stalled Redis blocks requests: use RedisStorage, or turn it on")
	}
	b := record.NewRedis(client, func(err error) {
		log.LogAttrs(context.Background(), slog.LevelWarn, "no Redis lock for a renewal: other instances may renew the same token", slog.Any("error", autherr.StorageUnavailable(err)))
	})
	b.OnDiscard = func(key string) {
		log.LogAttrs(context.Background(), slog.LevelWarn, "audit",
			slog.String("event", string(telemetry.EventSealMismatch)), slog.String("reason", "wrong_type"), slog.String("key", key))
	}
	return b
}
