package doctor

import (
	"errors"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"
)

// startsWith reports whether an error is a reply of the server that begins with one of the
// texts.
func startsWith(err error, texts ...string) bool {
	var reply redis.Error
	return errors.As(err, &reply) && slices.ContainsFunc(texts, func(text string) bool {
		return strings.HasPrefix(reply.Error(), text)
	})
}

// isReply reports whether an error is a reply of the server.
func isReply(err error) bool { return startsWith(err, "") }

// isDenied reports whether the user's rights do not allow a command.
func isDenied(err error) bool { return startsWith(err, "NOPERM") }

// isDeniedDatabase reports whether a connection could not be opened because its user must not
// select the database.
func isDeniedDatabase(err error) bool {
	return isDenied(err) && strings.Contains(err.Error(), "'select'")
}
