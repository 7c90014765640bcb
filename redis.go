package fibermsal

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/gofiber/fiber/v2"
	fiberredis "github.com/gofiber/storage/redis/v3"
	"github.com/redis/go-redis/v9"

	"github.com/fibermsal/fibermsal/internal/record"
)

// Deadlines of a Redis command. go-redis waits for seconds by default, and
// ignores the context's deadline, so a stalled Redis would hold every request.
const (
	redisDialTimeout = 500 * time.Millisecond
	redisTimeout     = 250 * time.Millisecond
	redisRetries     = 1
)

// RedisStorage makes a storage of a URL, redis://user:password@host:6379/0 or
// rediss:// for TLS, with deadlines that keep a request from waiting. Options in
// the URL's query, such as pool_size or read_timeout, are honoured; see
// redis.ParseURL of go-redis. It does not connect, so an app starts while Redis
// is down. The caller closes the storage.
//
// The storage serves Fiber's session middleware as well. The error never
// contains the URL, which holds a password.
func RedisStorage(url string) (*fiberredis.Storage, error) {
	options, err := redis.ParseURL(url)
	if err != nil {
		return nil, errors.New("fibermsal: RedisStorage: not a URL of the form redis://user:password@host:6379/0")
	}
	options.ContextTimeoutEnabled = true
	options.DialTimeout = orDefault(options.DialTimeout, redisDialTimeout)
	options.ReadTimeout = orDefault(options.ReadTimeout, redisTimeout)
	options.WriteTimeout = orDefault(options.WriteTimeout, redisTimeout)
	options.PoolTimeout = orDefault(options.PoolTimeout, redisTimeout)
	options.MaxRetries = orDefault(options.MaxRetries, redisRetries)
	options.DialerRetries = 1
	options.DialerRetryTimeout = time.Millisecond // which it waits after the last attempt, too
	return fiberredis.NewFromConnection(redis.NewClient(options)), nil
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
		inner = record.NewRedis(client, func(err error) {
			log.LogAttrs(context.Background(), slog.LevelWarn, "a renewal takes no lock among instances: each may call Entra", slog.Any("error", storageUnavailable(err)))
		})
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
