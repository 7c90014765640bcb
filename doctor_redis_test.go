package fibermsal_test

import (
	"context"
	"crypto/tls"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/internal/redistest"
)

func TestDoctor_FindsFaultsOfRedis(t *testing.T) {
	t.Parallel()
	expectFaults(t, map[string]doctorFault{
		"Redis down": {"error redis_unreachable", func(d *doctorTest) { d.on().Stop() }},
		"Redis stalled": {"error redis_unreachable", func(d *doctorTest) {
			d.client(redis.NewClient(&redis.Options{Addr: stalled(d.t), ContextTimeoutEnabled: true, ReadTimeout: 50 * time.Millisecond, MaxRetries: -1}))
		}},
		"Redis wants replicas": {"error redis_refuses", func(d *doctorTest) { d.on("--min-replicas-to-write", "1") }},
		"wrong password":       {"error redis_login", func(d *doctorTest) { d.use(d.locked(), "", "wrong-password") }},
		"no password": {"error redis_login", func(d *doctorTest) {
			d.use(d.locked(), "", "")
		}},
		"read-only replica":       {"error redis_replica", func(d *doctorTest) { d.use(replica(d.t), "", "") }},
		"evicting Redis":          {"error redis_eviction", func(d *doctorTest) { d.on("--maxmemory-policy", "volatile-lru", "--maxmemory", "100mb") }},
		"evicting, some day":      {"warning redis_eviction", func(d *doctorTest) { d.on("--maxmemory-policy", "allkeys-lru") }},
		"full Redis":              {"error redis_full", func(d *doctorTest) { d.on("--maxmemory", "1") }},
		"no persistence":          {"warning redis_persistence", func(d *doctorTest) { d.on("--appendonly", "no") }},
		"old Redis":               {"error redis_version", func(d *doctorTest) { d.on("--rename-command", "PEXPIRE", "") }},
		"rights of a year ago":    {"error redis_rights", func(d *doctorTest) { d.as("-zremrangebyscore -zadd +info") }},
		"no TIME":                 {"warning redis_rights", func(d *doctorTest) { d.as("-time +info") }},
		"keys of another":         {"error redis_rights", func(d *doctorTest) { d.as("resetkeys ~other:* +info") }},
		"database without SELECT": {"error redis_rights", func(d *doctorTest) { d.as("+info"); d.database(1) }},
		"no INFO":                 {"warning redis_info_unchecked", func(d *doctorTest) { d.as("") }},
		"slow Redis":              {"warning redis_latency", func(d *doctorTest) { d.client(dialled(d.on(), func(c net.Conn) net.Conn { return slow{c} })) }},
		"Redis elsewhere":         {"warning redis_tls", func(d *doctorTest) { d.client(dialled(d.on(), func(c net.Conn) net.Conn { return remote{c} })) }},
		"no deadlines":            {"warning redis_deadlines", func(d *doctorTest) { d.client(redis.NewClient(&redis.Options{Addr: d.on().Addr})) }},
	})
}

// Replies can be late because the machine is busy. Then it is no help to move Redis.
func TestDoctor_LateRepliesAreNotALongWayIfOthersArePrompt(t *testing.T) {
	t.Parallel()
	d := newDoctorTest(t)
	var writes atomic.Int64
	d.client(dialled(d.on(), func(c net.Conn) net.Conn { return oftenSlow{c, &writes} }))
	d.expect()
}

func TestDoctor_LooksAtAllMasters(t *testing.T) {
	for name, start := range redistest.EachAlone(t, onDisk...) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, d := start(t), newDoctorTest(t)
			d.use(r, "", "")
			d.expect()
			before := r.Keys()
			for _, s := range r.Masters()[:1] {
				if err := s.Client().ConfigSet(t.Context(), "maxmemory-policy", "allkeys-random").Err(); err != nil {
					t.Fatal(err)
				}
			}
			report := d.expect("warning redis_eviction")
			if named := strings.Contains(report.String(), r.Masters()[0].Addr); named != (len(r.Masters()) > 1) {
				t.Errorf("%s", report)
			}
			if left := r.Keys(); !slices.Equal(left, before) {
				t.Errorf("the doctor left %v", left)
			}
			r.Stop()
			d.expect("error redis_unreachable")
		})
	}
}

func TestDoctor_ReplicasMustNotBeRead(t *testing.T) {
	t.Parallel()
	cluster, d := redistest.StartCluster(t, onDisk...), newDoctorTest(t)
	client := redis.NewClusterClient(&redis.ClusterOptions{Addrs: cluster.Addrs, RouteByLatency: true, ContextTimeoutEnabled: true})
	t.Cleanup(func() { _ = client.Close() })
	d.client(client)
	d.expect("error redis_replica_reads")
}

func TestDoctor_SeesTLSToRedis(t *testing.T) {
	t.Parallel()
	d := newDoctorTest(t)
	r := d.on()
	certificate := newKeyPair(t, 1)
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{{Certificate: [][]byte{certificate.certificate.Raw}, PrivateKey: certificate.key}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go tunnel(c, r.Addr)
		}
	}()
	anybody := &tls.Config{InsecureSkipVerify: true}
	d.client(redis.NewClient(&redis.Options{Addr: l.Addr().String(), ContextTimeoutEnabled: true, TLSConfig: anybody}))
	if report := d.expect(); !strings.Contains(report.String(), "is encrypted") {
		t.Errorf("a client of the app: %s", report)
	}
	d.cfg.Storage, err = fibermsal.RedisStorage("rediss://"+l.Addr().String(), fibermsal.RedisTLS(anybody))
	if err != nil {
		t.Fatal(err)
	}
	if report := d.expect(); !strings.Contains(report.String(), "is encrypted") {
		t.Errorf("a URL: %s", report)
	}
}

// dialled returns a client of a server whose connections are wrapped.
func dialled(r *redistest.Server, wrap func(net.Conn) net.Conn) redis.UniversalClient {
	return redis.NewClient(&redis.Options{Addr: r.Addr, ContextTimeoutEnabled: true, Dialer: func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := (&net.Dialer{}).DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return wrap(c), nil
	}})
}

// slow is a connection with a long latency.
type slow struct{ net.Conn }

func (c slow) Write(b []byte) (int, error) {
	<-time.After(60 * time.Millisecond)
	return c.Conn.Write(b)
}

// oftenSlow is a connection of a busy machine: two of three commands are late.
type oftenSlow struct {
	net.Conn

	writes *atomic.Int64
}

func (c oftenSlow) Write(b []byte) (int, error) {
	if c.writes.Add(1)%3 != 0 {
		return slow{c.Conn}.Write(b)
	}
	return c.Conn.Write(b)
}

// remote is a connection to another machine.
type remote struct{ net.Conn }

func (remote) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 6379} }

// locked is a Redis that requires a password.
func (d *doctorTest) locked() *redistest.Server {
	r := d.on()
	if err := r.Client().ConfigSet(d.t.Context(), "requirepass", "the-right-password").Err(); err != nil {
		d.t.Fatal(err)
	}
	return r
}

// replica is a Redis that follows another one.
func replica(t *testing.T) *redistest.Server {
	t.Helper()
	host, port, err := net.SplitHostPort(redistest.Start(t).Addr)
	if err != nil {
		t.Fatal(err)
	}
	return redistest.Start(t, slices.Concat(onDisk, []string{"--replicaof", host + " " + port, "--repl-diskless-sync-delay", "0"})...)
}

// stalled is the address of a server that accepts connections and never answers.
func stalled(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l.Addr().String()
}

// After two hours without a request no instance is announced. The keys of earlier announcements may
// have been a mistake.
func TestDoctor_NamesTheKeysOfInstancesThatWereActiveBefore(t *testing.T) {
	t.Parallel()
	d := newDoctorTest(t)
	r := d.on()
	newSite(t, d.idp, func(cfg *fibermsal.Config) { cfg.Storage, cfg.Keys = d.cfg.Storage, [][]byte{testKey(2)} }).browser().signIn(adele)
	for _, key := range keysOf(d.idp, r.Keys()) {
		if strings.HasSuffix(key, ":i:{instances}") {
			if err := r.Client().Del(t.Context(), key).Err(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if report := d.expect(); !strings.Contains(report.String(), "but before: misconfigured: wrong_keys") {
		t.Errorf("%s", report)
	}
}
