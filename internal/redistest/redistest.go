// Package redistest runs real redis-server processes for tests, or another server that supports
// the same protocol and options, such as valkey-server.
//
// A fake would share our assumptions about Redis, and hide the faults where they are wrong.
package redistest

import (
	"testing"

	"github.com/redis/go-redis/v9"
)

// Redis is a server, a Cluster or a Sentinel group.
type Redis interface {
	// Connect makes a client like that of an app's instance. Each call makes a new one, and
	// all are closed when the test ends.
	Connect() redis.UniversalClient
	// ConnectAs is Connect as a user of Redis.
	ConnectAs(user, password string) redis.UniversalClient
	// URLAs returns a URL for fibermsal.RedisStorage to connect as a user of Redis, or, if
	// both name and password are empty, as its default user.
	URLAs(user, password string) string
	// Patient is Connect with go-redis' own timeouts of seconds, for tests that are not about
	// timeouts: a busy machine exceeds shorter ones.
	Patient() redis.UniversalClient
	// Masters returns the servers to which keys are currently written.
	Masters() []*Server
	// Keys returns the names of all keys, sorted.
	Keys() []string
	// Dump returns the content of all masters, as [Server.Dump] does.
	Dump() []byte
	// Stop kills all servers that hold keys, as a crash would.
	Stop()
	// Restart starts them again, with the data that they kept on disk.
	Restart()

	viewFor(testing.TB) Redis
}
