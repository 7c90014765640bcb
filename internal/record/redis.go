package record

import (
	"context"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"
)

// Redis is a Backend on a Redis server, Sentinel group or Cluster.
type Redis struct {
	client redis.UniversalClient
}

// NewRedis makes a Backend on a client, which stays the caller's to close.
func NewRedis(client redis.UniversalClient) *Redis {
	return &Redis{client: client}
}

// Get implements [Backend].
func (r *Redis) Get(ctx context.Context, key string) ([]byte, error) {
	value, err := r.client.Get(ctx, key).Bytes()
	if errors.Is(err, redis.Nil) {
		return nil, nil
	}
	return value, err
}

// Set implements [Backend].
func (r *Redis) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	return r.client.Set(ctx, key, value, ttl).Err()
}

// Update implements [Backend]; the key's life does not change.
func (r *Redis) Update(ctx context.Context, key string, value []byte, _ time.Duration) (bool, error) {
	return r.client.SetXX(ctx, key, value, redis.KeepTTL).Result()
}

// Touch implements [Backend] in one round trip.
func (r *Redis) Touch(ctx context.Context, ttl time.Duration, keys ...string) error {
	_, err := r.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for _, key := range keys {
			p.PExpire(ctx, key, ttl)
		}
		return nil
	})
	return err
}

// Delete implements [Backend].
func (r *Redis) Delete(ctx context.Context, keys ...string) error {
	return r.client.Del(ctx, keys...).Err()
}

// Claim implements [Backend].
func (r *Redis) Claim(ctx context.Context, key, value string, ttl time.Duration) (bool, error) {
	claimed, err := r.client.SetNX(ctx, key, value, ttl).Result()
	if err != nil || claimed {
		return claimed, err
	}
	present, err := r.Get(ctx, key)
	return string(present) == value, err
}
