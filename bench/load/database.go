package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"regexp"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/fibermsal/fibermsal/internal/freeport"
)

// database is a redis-server that contains one system's sessions.
type database struct {
	*process
	url    string
	client *redis.Client
}

func newDatabase(ctx context.Context, dir string) (*database, error) {
	port, _, err := freeport.Claim() // as long as this program runs
	if err != nil {
		return nil, err
	}
	address := net.JoinHostPort("127.0.0.1", port)
	p, err := launch(ctx, address, nil, dir, "redis-server", "--port", port, "--bind", "127.0.0.1",
		"--save", "", "--appendonly", "no", "--daemonize", "no", "--logfile", "/dev/null")
	if err != nil {
		return nil, err
	}
	return &database{process: p, url: "redis://" + address + "/0", client: redisClient(address)}, nil
}

// redisClient is this program's own client.
func redisClient(address string) *redis.Client { return redis.NewClient(&redis.Options{Addr: address}) }

// theirs returns a database that is already running, or nil.
func theirs(address string) (*database, error) {
	if address == "" {
		return &database{}, nil
	}
	o, err := redis.ParseURL(address)
	if err != nil {
		return nil, errors.New("redis is not a URL of the form redis://host:port/0")
	}
	return &database{url: address, client: redis.NewClient(o)}, nil
}

var callsOf = regexp.MustCompile(`(?m)^cmdstat_([a-z|]+):calls=(\d+)`)

// commands are the numbers of the server's commands by name, without those of this program and those
// that clients send when they connect.
func (d *database) commands(ctx context.Context) (map[string]int, error) {
	if d.client == nil {
		return nil, nil
	}
	info, err := d.client.Info(ctx, "commandstats").Result()
	if err != nil {
		return nil, err
	}
	calls := map[string]int{}
	for _, row := range callsOf.FindAllStringSubmatch(info, -1) {
		switch {
		case row[1] == "info", row[1] == "hello", row[1] == "dbsize", strings.HasPrefix(row[1], "client"), strings.HasPrefix(row[1], "config"):
		default:
			calls[row[1]], _ = strconv.Atoi(row[2]) // digits
		}
	}
	return calls, nil
}

// sizeOf returns the length of a value whose key matches a pattern.
func (d *database) sizeOf(ctx context.Context, pattern string) (int, error) {
	keys, err := d.client.Keys(ctx, pattern).Result()
	if err != nil || len(keys) == 0 {
		return 0, errors.Join(err, fmt.Errorf("%d keys like %s", len(keys), pattern))
	}
	size, err := d.client.StrLen(ctx, keys[0]).Result()
	return int(size), err
}

// usedMemory contains a server's memory: the total, its memory without data, and the memory of its
// connections.
var usedMemory = regexp.MustCompile(`(?m)^(used_memory|used_memory_startup|mem_clients_normal):(\d+)`)

// memory returns the memory of the data in bytes. It includes keys, values and Redis' overhead for
// them, but not the server and its connections, which need more than a megabyte.
func (d *database) memory(ctx context.Context) (int64, error) {
	if d.client == nil {
		return 0, nil
	}
	info, err := d.client.Info(ctx, "memory").Result()
	if err != nil {
		return 0, err
	}
	parts := map[string]int64{}
	for _, row := range usedMemory.FindAllStringSubmatch(info, -1) {
		parts[row[1]], _ = strconv.ParseInt(row[2], 10, 64) // digits
	}
	return parts["used_memory"] - parts["used_memory_startup"] - parts["mem_clients_normal"], nil
}

func (d *database) stop() error {
	if d.client != nil {
		_ = d.client.Close() // nothing is under way
	}
	if d.process == nil {
		return nil
	}
	return d.process.stop()
}
