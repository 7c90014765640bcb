package fibermsal

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/gofiber/fiber/v2"
	fiberredis "github.com/gofiber/storage/redis/v3"
	"github.com/redis/go-redis/v9"

	"github.com/fibermsal/fibermsal/internal/record"
)

// RedisStorage makes a storage of a URL as go-redis reads it, with deadlines that keep a
// request from waiting. The URL's query says how Redis is run:
//
//	redis://user:password@host:6379/0             one server; rediss:// for TLS, unix:// for a socket
//	redis://user:password@host:6379?addr=host2:6379&addr=host3:6379
//	                                              a Cluster: some of its servers; see redis.ParseClusterURL
//	redis://host:26379/0?master_name=app&addr=host2:26379&username=user&password=password
//	                                              a master that Sentinels watch; see redis.ParseFailoverURL
//
// A single server of a Cluster is told as one by repeating it: ?addr=host:6379. A user and
// a password in front of the host are those of the Sentinels, if they want any. With
// rediss:// all servers, Sentinels too, must have a certificate for the URL's host.
//
// Options in the query, such as pool_size or read_timeout, are honoured, but none that
// has replicas read. The defaults are 500 ms to connect, and 250 ms each for the answer
// and for a connection of the pool. All tries at a command together take twice
// read_timeout at most.
//
// Connections are given up after three minutes without use (conn_max_idle_time), and those
// that the network has dropped are noticed together.
//
// RedisStorage does not connect, so an app starts while Redis is down. The caller closes
// the storage, which serves Fiber's session middleware as well. The error never contains
// the URL, which holds a password.
func RedisStorage(url string, options ...RedisOption) (*fiberredis.Storage, error) {
	var more redisOptions
	for _, set := range options {
		set(&more)
	}
	client, err := redisClient(url, more)
	if err != nil {
		return nil, fmt.Errorf("fibermsal: RedisStorage: the URL %w", err)
	}
	return fiberredis.NewFromConnection(client), nil
}

// backend chooses what the storage can do: Redis gets commands of its own, others are
// read and written as they are. One that is down is not asked for a while.
func backend(storage fiber.Storage, log *slog.Logger, observe func(operation string) func(error)) record.Backend {
	if storage == nil {
		return record.NewMemory()
	}
	var inner record.Backend = record.NewPlain(storage)
	if connected, ok := storage.(interface{ Conn() redis.UniversalClient }); ok {
		client := connected.Conn()
		if !honoursDeadlines(client) {
			log.LogAttrs(context.Background(), slog.LevelWarn,
				"the Redis client ignores deadlines (ContextTimeoutEnabled is off): a stalled Redis will hold requests; fibermsal.RedisStorage makes a client that does not")
		}
		onRedis := record.NewRedis(client, func(err error) {
			log.LogAttrs(context.Background(), slog.LevelWarn, "a renewal takes no lock among instances: each may call Entra", slog.Any("error", storageUnavailable(err)))
		})
		onRedis.Discarded = func(key string) {
			log.LogAttrs(context.Background(), slog.LevelWarn, "audit", slog.String("event", auditSealMismatch), slog.String("reason", "wrong_type"), slog.String("key", key))
		}
		inner = onRedis
	}
	return record.NewGuarded(inner, observe, func(down bool) {
		if down {
			log.LogAttrs(context.Background(), slog.LevelError, "the session storage is down: requests get 503 until it is back")
		} else {
			log.LogAttrs(context.Background(), slog.LevelInfo, "the session storage is back")
		}
	})
}

// honoursDeadlines looks at the options of the clients that tell them.
func honoursDeadlines(client redis.UniversalClient) bool {
	switch c := client.(type) {
	case *redis.Client:
		return c.Options().ContextTimeoutEnabled
	case *redis.ClusterClient:
		return c.Options().ContextTimeoutEnabled
	}
	return true
}
