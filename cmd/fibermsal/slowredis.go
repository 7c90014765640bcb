package main

import (
	"time"

	fiberredis "github.com/gofiber/storage/redis/v3"
	"github.com/redis/go-redis/v9"

	"github.com/fibermsal/fibermsal/entra"
)

// redisTimeout is how long a command to Redis may take. The app gives up after a fraction of a second,
// because a user is waiting for a page. This program may read a million sessions, and a single slow
// reply should not make it fail.
const redisTimeout = 10 * time.Second

// tolerant returns a storage that waits longer for Redis. It shares the connections of the given
// storage, so only one of the two must be closed.
func tolerant(storage entra.Storage) entra.Storage {
	connected, isRedis := storage.(*fiberredis.Storage)
	if !isRedis {
		return storage
	}
	client, isSingle := connected.Conn().(*redis.Client)
	if !isSingle {
		return storage
	}
	return fiberredis.NewFromConnection(client.WithTimeout(redisTimeout))
}
