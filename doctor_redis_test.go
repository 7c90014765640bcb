package fibermsal_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/internal/redistest"
)

func TestDoctor_LooksAtAllMasters(t *testing.T) {
	for name, start := range redistest.EachAlone(t, onDisk...) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, p := start(t), newPatient(t)
			p.use(r, "", "")
			p.expect()
			before := r.Keys()
			for _, s := range r.Masters()[:1] {
				if err := s.Client().ConfigSet(t.Context(), "maxmemory-policy", "allkeys-random").Err(); err != nil {
					t.Fatal(err)
				}
			}
			report := p.expect("warning redis_eviction")
			if named := strings.Contains(report.String(), r.Masters()[0].Addr); named != (len(r.Masters()) > 1) {
				t.Errorf("%s", report)
			}
			if left := r.Keys(); !slices.Equal(left, before) {
				t.Errorf("the doctor left %v", left)
			}
			r.Stop()
			p.expect("error redis_unreachable")
		})
	}
}

func TestDoctor_ReplicasMustNotBeRead(t *testing.T) {
	t.Parallel()
	cluster, p := redistest.StartCluster(t, onDisk...), newPatient(t)
	client := redis.NewClusterClient(&redis.ClusterOptions{Addrs: cluster.Addrs, RouteByLatency: true, ContextTimeoutEnabled: true})
	t.Cleanup(func() { _ = client.Close() })
	p.client(client)
	p.expect("error redis_replica_reads")
}

func TestDoctor_SeesTLSToRedis(t *testing.T) {
	t.Parallel()
	p := newPatient(t)
	r := p.on()
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
	p.client(redis.NewClient(&redis.Options{Addr: l.Addr().String(), ContextTimeoutEnabled: true, TLSConfig: &tls.Config{InsecureSkipVerify: true}}))
	if report := p.expect(); !strings.Contains(report.String(), "is encrypted") {
		t.Errorf("%s", report)
	}
}

// tunnel copies both ways until one side ends.
func tunnel(c net.Conn, address string) {
	defer func() { _ = c.Close() }()
	server, err := net.Dial("tcp", address)
	if err != nil {
		return
	}
	defer func() { _ = server.Close() }()
	go func() {
		_, _ = io.Copy(server, c)
		_ = server.Close()
	}()
	_, _ = io.Copy(c, server)
}

// The emulator listens, and is reached through a proxy only.
func TestDoctor_NamesTheProxyWithoutItsPassword(t *testing.T) {
	t.Parallel()
	p := newPatient(t)
	if err := p.idp.Listen(entratest.ListenConfig{}); err != nil {
		t.Fatal(err)
	}
	p.idp.ClearFaults() // its listener tells the time
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect || r.Header.Get("Proxy-Authorization") == "" {
			http.Error(w, "no", http.StatusProxyAuthRequired)
			return
		}
		w.WriteHeader(http.StatusOK)
		c, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			tunnel(c, r.Host)
		}
	}))
	t.Cleanup(proxy.Close)
	address, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(p.idp.CAPEM())
	through := func(user *url.Userinfo) {
		u := *address
		u.User = user
		transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, Proxy: func(r *http.Request) (*url.URL, error) {
			if r.URL.Scheme == "http" {
				return nil, nil // the page for browsers
			}
			return &u, nil
		}}
		t.Cleanup(transport.CloseIdleConnections)
		p.cfg.HTTPClient = &http.Client{Transport: transport}
	}
	p.cfg.Authority, p.cfg.GraphURL = p.idp.Authority, p.idp.GraphURL
	p.secrets = []string{"proxy-password", "proxy-user"}

	through(url.UserPassword("proxy-user", "proxy-password"))
	if report := p.expect(); !strings.Contains(report.String(), "through the proxy "+proxy.URL) {
		t.Errorf("%s", report)
	}
	through(nil)
	if report := p.expect("error discovery"); !strings.Contains(report.String(), "through the proxy "+proxy.URL+": Proxy Authentication Required") {
		t.Errorf("%s", report)
	}
}

// dialled is a client of a server that reaches it in a way of its own.
func dialled(r *redistest.Server, wrap func(net.Conn) net.Conn) redis.UniversalClient {
	return redis.NewClient(&redis.Options{Addr: r.Addr, ContextTimeoutEnabled: true, Dialer: func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := (&net.Dialer{}).DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return wrap(c), nil
	}})
}

// slow is a connection across the sea.
type slow struct{ net.Conn }

func (c slow) Write(b []byte) (int, error) {
	<-time.After(60 * time.Millisecond)
	return c.Conn.Write(b)
}

// remote is a connection to another machine.
type remote struct{ net.Conn }

func (remote) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 6379} }

// locked is a Redis that wants a password.
func (p *patient) locked() *redistest.Server {
	r := p.on()
	if err := r.Client().ConfigSet(p.t.Context(), "requirepass", "the-right-password").Err(); err != nil {
		p.t.Fatal(err)
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

// stalled is a server that takes connections and says nothing.
func stalled(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l.Addr().String()
}
