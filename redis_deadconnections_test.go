package fibermsal_test

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/internal/faultproxy"
	"github.com/fibermsal/fibermsal/internal/figure"
	"github.com/fibermsal/fibermsal/internal/redistest"
)

// distant is a site that reaches its Redis through a network that can fail.
type distant struct {
	*site
	server *redistest.Server
	proxy  *faultproxy.Proxy
	client redis.UniversalClient // the site's own
}

// behindNetwork returns a site with the timeouts of an app, and with the options in the query of its
// Redis URL.
func behindNetwork(t *testing.T, server *redistest.Server, idp *entratest.Server, query string, change ...func(*fibermsal.Config)) *distant {
	t.Helper()
	d := &distant{server: server, proxy: faultproxy.New(t, server.Addr)}
	d.site = d.another(t, idp, query, change...)
	return d
}

// another returns another instance.
func (d *distant) another(t *testing.T, idp *entratest.Server, query string, change ...func(*fibermsal.Config)) *site {
	t.Helper()
	storage, err := fibermsal.RedisStorage("redis://" + d.proxy.Addr() + "/0" + query)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = storage.Close() })
	d.client = storage.Conn()
	return newSite(t, idp, append([]func(*fibermsal.Config){func(cfg *fibermsal.Config) {
		cfg.Keys, cfg.Storage = [][]byte{testKey(1)}, storage
	}}, change...)...)
}

// Connections can be lost without notice, because a NAT drops them, a load balancer is replaced or an
// address moves. This happens to all connections of a pool at the same time, and each would cost a
// request a timeout.
func TestG2_DeadConnectionsAreReplacedWithinASecond(t *testing.T) {
	parallelUnlessSoaked(t)
	const pool = 80
	for name, network := range map[string]func(*testing.T, *faultproxy.Proxy) (reachable time.Time){
		"forgotten by a NAT": func(_ *testing.T, p *faultproxy.Proxy) time.Time {
			p.FreezeExisting()
			return time.Now()
		},
		"silent for five seconds": func(t *testing.T, p *faultproxy.Proxy) time.Time {
			t.Helper()
			p.BlackHole()
			<-time.After(5 * time.Second)
			return resume(t, p)
		},
		"gone for five seconds": func(t *testing.T, p *faultproxy.Proxy) time.Time {
			t.Helper()
			if err := p.Unreachable(); err != nil {
				t.Fatal(err)
			}
			<-time.After(5 * time.Second)
			return resume(t, p)
		},
		"closed for five seconds": func(t *testing.T, p *faultproxy.Proxy) time.Time {
			t.Helper()
			p.Refuse()
			p.FreezeExisting()
			<-time.After(5 * time.Second)
			return resume(t, p)
		},
	} {
		for traffic, crowd := range map[string]int{"many": 20, "few": 1} {
			t.Run(name+", asked by "+traffic, func(t *testing.T) {
				t.Parallel()
				d := behindNetwork(t, redistest.Start(t), newRegistration(t), "?pool_size=80")
				b := d.browser()
				b.awaitSignIn(adele)
				var back time.Duration
				for range 3 { // a machine that is busy with tests may hold one up
					d.fillPool(pool)
					back = b.recovers(crowd, func() time.Time { return network(t, d.proxy) })
					t.Logf("back %v after it was reachable", back.Round(time.Millisecond))
					if back <= backWithin() {
						figure.Report(t, figure.Figure{Row: "R3", Name: "service is back after dead connections", Value: back.Round(time.Millisecond).String()})
						return
					}
				}
				t.Errorf("back only %v after it was reachable\n%s", back, d.log)
			})
		}
	}
}

func resume(t *testing.T, p *faultproxy.Proxy) time.Time {
	t.Helper()
	reachable := time.Now()
	if err := p.Resume(); err != nil {
		t.Fatal(err)
	}
	return reachable
}

// fillPool fills the pool of connections with ones that work.
func (d *distant) fillPool(size int) {
	d.t.Helper()
	for until := time.Now().Add(30 * time.Second); d.fill(size) < size; {
		if time.Now().After(until) {
			d.t.Fatalf("%d connections, want %d", d.proxy.Conns(), size)
		}
	}
}

// fill uses the given number of connections at the same time, and returns the number of connections
// afterwards.
func (d *distant) fill(size int) int {
	d.t.Helper()
	client, ok := d.client.(*redis.Client)
	if !ok {
		d.t.Fatalf("a client of a single server is wanted, not %T", d.client)
	}
	for range size {
		c := client.Conn()
		defer func() { _ = c.Close() }() // which is to hand it back
		if c.Ping(d.t.Context()).Err() != nil {
			return 0 // one of before was dead, or the machine is busy
		}
	}
	return d.proxy.Conns()
}

// recovers sends many requests while the network changes, and returns how long after the change the
// last request failed or was late.
func (b *browser) recovers(crowd int, network func() (reachable time.Time)) time.Duration {
	b.t.Helper()
	var mu sync.Mutex
	var last time.Time // when the last one was told to come again
	stop := make(chan struct{})
	var wait sync.WaitGroup
	for range crowd {
		wait.Go(func() {
			for {
				select {
				case <-stop:
					return
				case <-time.After(20 * time.Millisecond):
				}
				began := time.Now()
				status, body := b.glance("/guarded", b.session())
				if status != http.StatusOK && status != http.StatusServiceUnavailable {
					b.t.Errorf("status %d %s", status, body)
				}
				if status != http.StatusOK || time.Since(began) > time.Second {
					mu.Lock()
					last = time.Now()
					mu.Unlock()
				}
			}
		})
	}
	reachable := network()
	const quiet = 2 * time.Second
	for until := time.Now().Add(time.Minute); time.Now().Before(until); <-time.After(50 * time.Millisecond) {
		mu.Lock()
		settled := time.Since(last) > quiet && time.Since(reachable) > quiet
		mu.Unlock()
		if settled {
			break
		}
	}
	close(stop)
	wait.Wait()
	return max(0, last.Sub(reachable))
}

// backWithin is the time in which the service must recover, which is normally one second. With parallel
// tests and the race detector the machine itself may take that long. Before the fix it was half a
// minute.
func backWithin() time.Duration { return soakTime(3*time.Second, time.Second) }

// parallelUnlessSoaked is t.Parallel, except in make soak: there the promised second is measured, which tests that load
// the machine for minutes would spoil.
func parallelUnlessSoaked(t *testing.T) {
	t.Helper()
	if !soaking() {
		t.Parallel()
	}
}

// A managed Redis that is replaced closes all connections. The client does not notice this on encrypted
// connections.
func TestG2_ClosedEncryptedConnectionsAreReplacedWithinASecond(t *testing.T) {
	parallelUnlessSoaked(t)
	const pool = 80
	certs := newCertificates(t)
	_, address := secured(t, certs, "no")
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(contentOf(t, certs.authority)))
	d := &distant{proxy: faultproxy.New(t, u.Host)}
	storage, err := fibermsal.RedisStorage("rediss://"+d.proxy.Addr()+"/0?pool_size=80&dial_timeout=5s&read_timeout=5s", fibermsal.RedisTLS(&tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = storage.Close() })
	d.client = storage.Conn()
	d.site = newSite(t, newRegistration(t), func(cfg *fibermsal.Config) { cfg.Keys, cfg.Storage = [][]byte{testKey(1)}, storage })
	b := d.browser()
	b.signIn(adele)
	var back time.Duration
	for range 3 { // a machine that is busy with tests may hold one up
		d.fillPool(pool)
		back = b.recovers(1, func() time.Time {
			d.proxy.Cut()
			return time.Now()
		})
		t.Logf("back %v after all were closed", back.Round(time.Millisecond))
		if back <= backWithin() {
			return
		}
	}
	t.Errorf("back only %v after all were closed\n%s", back, d.log)
}
