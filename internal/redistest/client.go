package redistest

import (
	"net/url"
	"time"

	"github.com/redis/go-redis/v9"
)

// appOptions returns options with the timeouts that fibermsal.RedisStorage sets.
func appOptions(user, password string) redis.UniversalOptions {
	return redis.UniversalOptions{
		Username: user, Password: password,
		ContextTimeoutEnabled: true,
		DialTimeout:           500 * time.Millisecond,
		ReadTimeout:           250 * time.Millisecond,
		WriteTimeout:          250 * time.Millisecond,
		PoolTimeout:           250 * time.Millisecond,
		MaxRetries:            1,
	}
}

func userinfo(user, password string) *url.Userinfo {
	if user == "" && password == "" {
		return nil
	}
	return url.UserPassword(user, password)
}
