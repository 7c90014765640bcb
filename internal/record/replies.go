package record

import (
	"errors"
	"strings"

	"github.com/redis/go-redis/v9"
)

// isWrongType reports whether a key has a value of another type, which another program has written.
// Redis 6 puts other words in front of the error of a script.
func isWrongType(err error) bool {
	if err == nil {
		return false // before anything is allocated
	}
	var reply redis.Error
	return errors.As(err, &reply) && strings.Contains(reply.Error(), "WRONGTYPE ")
}

func isNoScript(err error) bool { return redis.HasErrorPrefix(err, "NOSCRIPT") }

// isReply reports whether an error is the reply of a server that is up. A server that refuses a
// command, such as a write without enough replicas or memory, can still serve other commands.
func isReply(err error) bool {
	if errors.As(err, new(*RefusedError)) {
		return true
	}
	var reply redis.Error
	if !errors.As(err, &reply) {
		return false
	}
	switch kind, _, _ := strings.Cut(reply.Error(), " "); kind {
	case "LOADING", "MASTERDOWN":
		return false
	case "CLUSTERDOWN":
		return reply.Error() != clusterDown
	}
	return true
}

// clusterDown is the reply of a Cluster's master that does not serve any requests. Other CLUSTERDOWN
// replies concern a single slot or only writes.
const clusterDown = "CLUSTERDOWN The cluster is down"
