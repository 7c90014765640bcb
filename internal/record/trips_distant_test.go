package record_test

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/fibermsal/fibermsal/internal/faultproxy"
	"github.com/fibermsal/fibermsal/internal/record"
	"github.com/fibermsal/fibermsal/internal/redistest"
)

// rtt is the round-trip time in these tests.
const rtt = 20 * time.Millisecond

// readConcurrently has many callers read repeatedly at the same time, with the time limits of an
// app.
func readConcurrently(t *testing.T, client redis.UniversalClient) {
	t.Helper()
	g := record.NewGuarded(record.NewRedis(client, nil), nil, func(down bool) { t.Errorf("down: %t", down) })
	const callers, each = 400, 5
	if _, err := client.Pipelined(t.Context(), func(p redis.Pipeliner) error {
		for i := 0; i < callers; i += 2 {
			p.Set(t.Context(), fmt.Sprint("key", i), fmt.Sprint("value", i), time.Hour)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	for i := range callers {
		want := ""
		if i%2 == 0 {
			want = fmt.Sprint("value", i)
		}
		wait.Go(func() {
			for range each {
				if got, err := g.Get(context.Background(), fmt.Sprint("key", i)); err != nil || string(got) != want {
					t.Errorf("key%d: %q, %v", i, got, err)
				}
			}
		})
	}
	wait.Wait()
}

// After a restart the first request of each session touches it, all at the same time.
func TestTrips_ManyTouchesShareTripsToADistantRedis(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	proxy := faultproxy.New(t, server.Addr)
	proxy.Delay(rtt, 0)
	client := redis.NewClient(&redis.Options{
		Addr: proxy.Addr(), PoolSize: 2, ContextTimeoutEnabled: true, ReadTimeout: 5 * time.Second, PoolTimeout: 5 * time.Second,
	})
	t.Cleanup(func() { _ = client.Close() })
	b := record.NewRedis(client, nil)
	const callers = 400
	if _, err := client.Pipelined(t.Context(), func(p redis.Pipeliner) error {
		for i := range callers {
			p.Set(t.Context(), fmt.Sprint("key", i), "value", time.Minute)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	before := client.PoolStats()
	var wait sync.WaitGroup
	for i := range callers {
		wait.Go(func() {
			if err := b.Touch(context.Background(), time.Hour, fmt.Sprint("key", i), fmt.Sprint("absent", i)); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	after := client.PoolStats()
	if trips := after.Hits + after.Misses - before.Hits - before.Misses; trips > callers/4 {
		t.Errorf("%d round trips", trips)
	}
	for i := range callers {
		if life := server.Client().PTTL(t.Context(), fmt.Sprint("key", i)).Val(); life < 50*time.Minute {
			t.Fatalf("key%d lives for %v", i, life)
		}
	}
}

func TestTrips_ManyReadsOfADistantRedis(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	for _, size := range []int{1, 2, 10, 20} {
		t.Run(strconv.Itoa(size), func(t *testing.T) {
			t.Parallel()
			proxy := faultproxy.New(t, server.Addr)
			proxy.Delay(rtt, rtt/10)
			client := redis.NewClient(&redis.Options{
				Addr: proxy.Addr(), PoolSize: size, ContextTimeoutEnabled: true,
				ReadTimeout: 5 * time.Second, PoolTimeout: 5 * time.Second, // this machine may be busy
			})
			t.Cleanup(func() { _ = client.Close() })
			readConcurrently(t, client)
			if stats := client.PoolStats(); stats.Timeouts > 0 || int(stats.TotalConns) > size {
				t.Errorf("%+v", stats)
			}
		})
	}
}

func TestTrips_ManyReadsOfADistantCluster(t *testing.T) {
	t.Parallel()
	cluster := redistest.StartCluster(t)
	client := redis.NewClusterClient(&redis.ClusterOptions{
		Addrs: distant(t, cluster), PoolSize: 5, ContextTimeoutEnabled: true,
		ReadTimeout: 5 * time.Second, PoolTimeout: 5 * time.Second,
	})
	t.Cleanup(func() { _ = client.Close() })
	readConcurrently(t, client)
	// There are three masters, and half of the callers share round trips.
	if stats := client.PoolStats(); stats.Timeouts > 0 || stats.Hits+stats.Misses > 1500 {
		t.Errorf("%+v", stats)
	}
}

// distant puts a proxy before each master of a cluster, which then announces the proxy's address.
func distant(t *testing.T, cluster *redistest.Cluster) (addrs []string) {
	t.Helper()
	for _, s := range cluster.Masters() {
		proxy := faultproxy.New(t, s.Addr)
		proxy.Delay(rtt, rtt/10)
		_, port, _ := net.SplitHostPort(proxy.Addr())
		_, own, _ := net.SplitHostPort(s.Addr)
		number, err := strconv.Atoi(own)
		if err != nil {
			t.Fatal(err)
		}
		for name, value := range map[string]string{"cluster-announce-bus-port": strconv.Itoa(number + 10_000), "cluster-announce-port": port} {
			if err := s.Client().ConfigSet(t.Context(), name, value).Err(); err != nil {
				t.Fatal(err)
			}
		}
		addrs = append(addrs, proxy.Addr())
	}
	for _, s := range cluster.Masters() {
		for announced := 0; announced < len(addrs); {
			nodes, err := s.Client().ClusterNodes(t.Context()).Result()
			if err != nil {
				t.Fatal(err)
			}
			announced = 0
			for _, addr := range addrs {
				announced += strings.Count(nodes, " "+addr+"@")
			}
			<-time.After(10 * time.Millisecond)
		}
	}
	return addrs
}

// The latency can increase, for example by a failover to another zone.
func TestTrips_LatencyIsMeasuredAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := redis.NewClient(&redis.Options{ReadTimeout: time.Second, ContextTimeoutEnabled: true, PoolSize: 40})
		defer func() { _ = client.Close() }()
		hook := &distantRedis{trip: 10 * time.Microsecond}
		client.AddHook(hook)
		b := record.NewRedis(client, nil)
		for _, trip := range []time.Duration{10 * time.Microsecond, 5 * time.Millisecond} {
			hook.trip = trip
			for range 200 {
				if _, err := b.Get(context.Background(), "key"); err != nil {
					t.Fatal(err)
				}
			}
		}
		began := time.Now()
		var wait sync.WaitGroup
		for range 15 {
			wait.Go(func() { _, _ = b.Get(context.Background(), "key") })
		}
		wait.Wait()
		if took := time.Since(began); took != 5*time.Millisecond {
			t.Errorf("fifteen reads at once took %v", took)
		}
	})
}
