package record

import (
	"errors"
	"strings"

	"github.com/redis/go-redis/v9"
)

// isWrongType reports whether a key holds a value of another type, written by another program.
// Redis 6 puts other words before a script's error.
func isWrongType(err error) bool {
	if err == nil {
		return false // before anything is allocated
	}
	var reply redis.Error
	return errors.As(err, &reply) && strings.Contains(reply.Error(), "WRONGTYPE ")
}

func isNoScript(err error) bool { return redis.HasErrorPrefix(err, "NOSCRIPT") }

// isReply reports whether an error is the reply of a server that is up. One that refuses a
// command, such as a write without enough replicas or memory, still serves others.
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

// clusterDown is the reply of a Cluster's master that serves no requests. Other CLUSTERDOWN
// replies concern one slot, or only writes.
const clusterDown = "CLUSTERDOWN The cluster is down"
