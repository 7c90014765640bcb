package redistest

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	masters = 3
	slots   = 16384
	// busOffset is how far above its port a cluster node talks to the others.
	busOffset = 10_000
	// Ports from here and their bus ports lie below the range from which Linux
	// takes those of outgoing connections.
	firstClusterPort, lastClusterPort = 10_000, 22_000

	formTimeout = 30 * time.Second
)

// The deadlines that fibermsal.RedisStorage sets, and that docs/production.md
// tells operators of a Cluster or Sentinel to set.
const (
	dialTimeout = 500 * time.Millisecond
	opTimeout   = 250 * time.Millisecond
	retries     = 1
)

// Cluster is a Redis Cluster of three masters without replicas that belongs to
// one test.
type Cluster struct {
	// Addrs are host:port of the masters.
	Addrs []string

	tb      testing.TB
	servers []*Server
}

// StartCluster runs a cluster on free ports of loopback and ends it with the test.
// Without redis-server on this machine the test is skipped.
func StartCluster(tb testing.TB) *Cluster {
	tb.Helper()
	c := &Cluster{tb: tb}
	for range masters {
		s := &Server{tb: tb, args: []string{"--cluster-enabled", "yes", "--cluster-node-timeout", "5000"}}
		s.launch(freeClusterPort)
		c.servers, c.Addrs = append(c.servers, s), append(c.Addrs, s.Addr)
	}
	ctx, cancel := context.WithTimeout(context.Background(), formTimeout)
	defer cancel()
	if err := c.form(ctx); err != nil {
		tb.Fatalf("redistest: forming a cluster: %v", err)
	}
	for _, s := range c.servers {
		if err := c.awaitWhole(ctx, s); err != nil {
			tb.Fatalf("redistest: %s: %v", s.Addr, err)
		}
	}
	return c
}

// Client makes a client as an instance of an app has: each call makes one, and all
// are closed when the test ends.
func (c *Cluster) Client() *redis.ClusterClient {
	client := redis.NewClusterClient(&redis.ClusterOptions{
		Addrs:                 c.Addrs,
		ContextTimeoutEnabled: true,
		DialTimeout:           dialTimeout,
		ReadTimeout:           opTimeout,
		WriteTimeout:          opTimeout,
		PoolTimeout:           opTimeout,
		DialerRetries:         1,
	})
	c.tb.Cleanup(func() { _ = client.Close() })
	return client
}

// Servers are the masters, each of which holds a third of the slots.
func (c *Cluster) Servers() []*Server { return c.servers }

// Keys returns the names of all keys of all masters, sorted.
func (c *Cluster) Keys() []string {
	c.tb.Helper()
	var keys []string
	for _, s := range c.servers {
		keys = append(keys, s.Keys()...)
	}
	slices.Sort(keys)
	return keys
}

// Dump returns what all masters hold, as [Server.Dump] does.
func (c *Cluster) Dump() []byte {
	c.tb.Helper()
	var dump bytes.Buffer
	for _, s := range c.servers {
		dump.Write(s.Dump())
	}
	return dump.Bytes()
}

// form gives every master its slots and lets it meet the others.
func (c *Cluster) form(ctx context.Context) error {
	for i, s := range c.servers {
		// Different ones from the start, or the masters need time to agree.
		if err := s.client.Do(ctx, "CLUSTER", "SET-CONFIG-EPOCH", i+1).Err(); err != nil {
			return err
		}
		if err := s.client.ClusterAddSlotsRange(ctx, i*slots/masters, (i+1)*slots/masters-1).Err(); err != nil {
			return err
		}
	}
	for i, s := range c.servers {
		for _, addr := range c.Addrs[:i] { // all of them: gossip takes seconds
			host, port, err := net.SplitHostPort(addr)
			if err != nil {
				return err
			}
			if err := s.client.ClusterMeet(ctx, host, port).Err(); err != nil {
				return err
			}
		}
	}
	return nil
}

// awaitWhole waits until a master knows all others and serves.
func (c *Cluster) awaitWhole(ctx context.Context, s *Server) error {
	for {
		info, err := s.client.ClusterInfo(ctx).Result()
		if err == nil && strings.Contains(info, "cluster_state:ok") &&
			strings.Contains(info, fmt.Sprintf("cluster_known_nodes:%d\r\n", masters)) &&
			strings.Contains(info, fmt.Sprintf("cluster_size:%d\r\n", masters)) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("not ready: %w\n%s", ctx.Err(), info)
		case <-time.After(pollInterval):
		}
	}
}

// freeClusterPort finds a port that is free together with its bus port.
func freeClusterPort(tb testing.TB) string {
	tb.Helper()
	for range 1000 {
		port := firstClusterPort + rand.IntN(lastClusterPort-firstClusterPort)
		if free(port) && free(port+busOffset) {
			return strconv.Itoa(port)
		}
	}
	tb.Fatal("redistest: no free port for a cluster node")
	return ""
}

func free(port int) bool {
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return false
	}
	return l.Close() == nil
}
