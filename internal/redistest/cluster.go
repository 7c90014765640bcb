package redistest

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	masters = 3
	slots   = 16384
	// busOffset is the difference between the port of a node and that of its bus.
	busOffset = 10_000

	clusterTimeout = 30 * time.Second
)

// Cluster is a Redis Cluster of three masters without replicas. It belongs to one test.
type Cluster struct {
	// Addrs are host:port of the masters.
	Addrs []string

	tb      testing.TB
	servers []*Server
}

// StartCluster runs a cluster on free loopback ports, and stops it when the test ends. args are
// those of [Start]. If redis-server is not installed, the test is skipped.
func StartCluster(tb testing.TB, args ...string) *Cluster {
	tb.Helper()
	c := &Cluster{tb: tb}
	for range masters {
		s := &Server{tb: tb, args: append([]string{"--cluster-enabled", "yes", "--cluster-node-timeout", "5000"}, args...)}
		s.launch(busOffset)
		c.servers, c.Addrs = append(c.servers, s), append(c.Addrs, s.Addr)
	}
	ctx, cancel := context.WithTimeout(context.Background(), clusterTimeout)
	defer cancel()
	if err := c.form(ctx); err != nil {
		tb.Fatalf("redistest: forming a cluster: %v", err)
	}
	c.AwaitWhole()
	return c
}

// Connect implements [Redis].
func (c *Cluster) Connect() redis.UniversalClient { return c.dial(appOptions("", "")) }

// ConnectAs implements [Redis].
func (c *Cluster) ConnectAs(user, password string) redis.UniversalClient {
	return c.dial(appOptions(user, password))
}

// URLAs implements [Redis].
func (c *Cluster) URLAs(user, password string) string {
	others := url.Values{"addr": c.Addrs[1:]}
	return (&url.URL{Scheme: "redis", User: userinfo(user, password), Host: c.Addrs[0], RawQuery: others.Encode()}).String()
}

// Patient implements [Redis].
func (c *Cluster) Patient() redis.UniversalClient { return c.dial(redis.UniversalOptions{}) }

func (c *Cluster) dial(o redis.UniversalOptions) redis.UniversalClient {
	o.Addrs, o.MaxRetries = c.Addrs, 0 // a Cluster's client counts redirects as retries
	options := o.Cluster()
	options.DialerRetries = 1
	client := redis.NewClusterClient(options)
	c.tb.Cleanup(func() { _ = client.Close() })
	return client
}

// Masters implements [Redis]. Each holds a third of the slots.
func (c *Cluster) Masters() []*Server { return c.servers }

// Stop implements [Redis].
func (c *Cluster) Stop() {
	for _, s := range c.servers {
		s.Stop()
	}
}

// Restart implements [Redis].
func (c *Cluster) Restart() {
	c.tb.Helper()
	for _, s := range c.servers {
		s.Restart()
	}
	c.AwaitWhole()
}

// AwaitWhole waits until all masters serve requests, for example after the restart of one.
func (c *Cluster) AwaitWhole() {
	c.tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), clusterTimeout)
	defer cancel()
	for _, s := range c.servers {
		if err := c.awaitWhole(ctx, s); err != nil {
			c.tb.Fatalf("redistest: %s: %v", s.Addr, err)
		}
	}
}

func (c *Cluster) viewFor(tb testing.TB) Redis {
	tb.Helper()
	view := *c
	view.tb, view.servers = tb, viewsFor(tb, c.servers)
	return &view
}

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

// Dump returns the content of all masters, as [Server.Dump] does.
func (c *Cluster) Dump() []byte {
	c.tb.Helper()
	var dump bytes.Buffer
	for _, s := range c.servers {
		dump.Write(s.Dump())
	}
	return dump.Bytes()
}

// form assigns the slots to the masters and introduces them to each other.
func (c *Cluster) form(ctx context.Context) error {
	for i, s := range c.servers {
		// Different epochs from the start save the time to agree on them.
		if err := s.client.Do(ctx, "CLUSTER", "SET-CONFIG-EPOCH", i+1).Err(); err != nil {
			return err
		}
		if err := s.client.ClusterAddSlotsRange(ctx, i*slots/masters, (i+1)*slots/masters-1).Err(); err != nil {
			return err
		}
	}
	for i, s := range c.servers {
		for _, addr := range c.Addrs[:i] { // all of them, because gossip takes seconds
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

// awaitWhole waits until a master knows all others and serves requests.
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
