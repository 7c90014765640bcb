package redistest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	sentinelTimeout = 30 * time.Second
	// downAfter is how long a master may be silent. A sentinel pings once per second, and a
	// new master for the first time after one second. With a second or less, it sometimes
	// takes the new master for dead as well, and fails over to the old one, which has
	// restarted without keys.
	downAfter = 2 * time.Second
)

// Sentinel is a Redis master with a replica and a sentinel process. It belongs to one test.
type Sentinel struct {
	// MasterName is the sentinel's name of the master.
	MasterName string
	// Addrs are the host:port of each sentinel. There is one.
	Addrs []string

	tb      testing.TB
	servers []*Server // in no order: a failover exchanges their roles
	watcher *redis.SentinelClient
}

// StartSentinel runs a master, a replica and a sentinel on free loopback ports, waits until the
// sentinel can fail over, and stops them when the test ends. A master that is silent for two
// seconds is replaced. args are those of [Start] for master and replica. If redis-server is not
// installed, the test is skipped.
func StartSentinel(tb testing.TB, args ...string) *Sentinel {
	tb.Helper()
	s := &Sentinel{tb: tb, MasterName: "fibermsal"}
	args = append([]string{"--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1"}, args...)
	master := Start(tb, args...)
	host, port, err := net.SplitHostPort(master.Addr)
	if err != nil {
		tb.Fatalf("redistest: %v", err)
	}
	replica := Start(tb, append(args, "--replicaof", host+" "+port)...)
	s.servers = []*Server{master, replica}

	ctx, cancel := context.WithTimeout(context.Background(), sentinelTimeout)
	defer cancel()
	await(ctx, tb, "the replica to be in sync", func() error {
		return contains(replica.client.Info(ctx, "replication"), "master_link_status:up")
	})

	// The sentinel rewrites its configuration.
	conf := filepath.Join(tb.TempDir(), "sentinel.conf")
	text := fmt.Sprintf(`sentinel monitor %[1]s %[2]s %[3]s 1
sentinel down-after-milliseconds %[1]s %[4]d
sentinel failover-timeout %[1]s 2000
`, s.MasterName, host, port, downAfter.Milliseconds())
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		tb.Fatalf("redistest: %v", err)
	}
	process := &Server{tb: tb, conf: conf, args: []string{"--sentinel"}}
	process.launch()
	tb.Cleanup(func() {
		if tb.Failed() {
			tb.Logf("log of the sentinel:\n%s", process.log())
		}
	})
	s.Addrs = []string{process.Addr}
	s.watcher = redis.NewSentinelClient(&redis.Options{Addr: process.Addr})
	tb.Cleanup(func() { _ = s.watcher.Close() })
	await(ctx, tb, "the sentinel to know the replica", func() error {
		replicas, err := s.watcher.Replicas(ctx, s.MasterName).Result()
		if err == nil && (len(replicas) != 1 || replicas[0]["master-link-status"] != "ok" || replicas[0]["flags"] != "slave") {
			err = fmt.Errorf("it knows %v", replicas)
		}
		return err
	})
	return s
}

// Connect implements [Redis].
func (s *Sentinel) Connect() redis.UniversalClient { return s.dial(appOptions("", "")) }

// ConnectAs implements [Redis].
func (s *Sentinel) ConnectAs(user, password string) redis.UniversalClient {
	return s.dial(appOptions(user, password))
}

// URLAs implements [Redis]. The userinfo of the URL would be for the sentinel, which needs no
// password.
func (s *Sentinel) URLAs(user, password string) string {
	options := url.Values{"master_name": {s.MasterName}}
	if user != "" {
		options.Set("username", user)
		options.Set("password", password)
	}
	return (&url.URL{Scheme: "redis", Host: s.Addrs[0], RawQuery: options.Encode()}).String()
}

// Patient implements [Redis].
func (s *Sentinel) Patient() redis.UniversalClient { return s.dial(redis.UniversalOptions{}) }

func (s *Sentinel) dial(o redis.UniversalOptions) redis.UniversalClient {
	o.Addrs, o.MasterName = s.Addrs, s.MasterName
	options := o.Failover()
	options.DialerRetries = 1
	client := redis.NewFailoverClient(options)
	s.tb.Cleanup(func() { _ = client.Close() })
	return client
}

// Masters implements [Redis]. There is one.
func (s *Sentinel) Masters() []*Server {
	s.tb.Helper()
	return []*Server{s.Master()}
}

// Stop implements [Redis]. The sentinel keeps running.
func (s *Sentinel) Stop() {
	for _, server := range s.servers {
		server.Stop()
	}
}

// Restart implements [Redis].
func (s *Sentinel) Restart() {
	s.tb.Helper()
	for _, server := range s.servers {
		server.Restart()
	}
}

func (s *Sentinel) viewFor(tb testing.TB) Redis {
	tb.Helper()
	view := *s
	view.tb, view.servers = tb, viewsFor(tb, s.servers)
	return &view
}

// Master returns the server that is currently the master according to the sentinel.
func (s *Sentinel) Master() *Server {
	s.tb.Helper()
	master, err := s.current(context.Background())
	if err != nil {
		s.tb.Fatalf("redistest: %v", err)
	}
	return master
}

// Replicated waits until the replica has all previous writes. WAIT does so only for the writes of
// its own connection.
func (s *Sentinel) Replicated() {
	s.tb.Helper()
	ctx := context.Background()
	conn := s.Master().client.Conn()
	defer func() { _ = conn.Close() }()
	const marker = "redistest:replicated" // written after the writes to wait for
	err := errors.Join(conn.Set(ctx, marker, "1", time.Minute).Err(), conn.Del(ctx, marker).Err())
	if err != nil {
		s.tb.Fatalf("redistest: %v", err)
	}
	if n, err := conn.Wait(ctx, 1, 2*time.Second).Result(); err != nil || n < 1 {
		s.tb.Fatalf("redistest: %d replicas are in sync: %v", n, err)
	}
}

// KillMaster kills the master, as a crash would, and returns it, for Restart. It does not wait for
// the failover.
func (s *Sentinel) KillMaster() *Server {
	s.tb.Helper()
	master := s.Master()
	master.Stop()
	return master
}

// AwaitFailover waits until a server other than the given one is the master and accepts writes.
func (s *Sentinel) AwaitFailover(dead *Server) {
	s.tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), sentinelTimeout)
	defer cancel()
	await(ctx, s.tb, "a new master", func() error {
		master, err := s.current(ctx)
		switch {
		case err != nil:
			return err
		case master == dead:
			return errors.New("still the old one")
		}
		return contains(master.client.Info(ctx, "replication"), "role:master")
	})
}

// AwaitReplica waits until a server is a replica and in sync.
func (s *Sentinel) AwaitReplica(server *Server) {
	s.tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), sentinelTimeout)
	defer cancel()
	await(ctx, s.tb, "a replica", func() error {
		return contains(server.client.Info(ctx, "replication"), "master_link_status:up")
	})
}

// Keys returns the names of all keys of the master, sorted.
func (s *Sentinel) Keys() []string {
	s.tb.Helper()
	return s.Master().Keys()
}

// Dump returns the content of the master, as [Server.Dump] does.
func (s *Sentinel) Dump() []byte {
	s.tb.Helper()
	return s.Master().Dump()
}

func (s *Sentinel) current(ctx context.Context) (*Server, error) {
	addr, err := s.watcher.GetMasterAddrByName(ctx, s.MasterName).Result()
	if err != nil {
		return nil, err
	}
	for _, server := range s.servers {
		if server.Addr == net.JoinHostPort(addr[0], addr[1]) {
			return server, nil
		}
	}
	return nil, fmt.Errorf("the sentinel names %v", addr)
}
