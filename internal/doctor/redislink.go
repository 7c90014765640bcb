package doctor

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/fibermsal/fibermsal/internal/redact"
)

const (
	// samples are how many answers the latency is the median of.
	samples = 7
	// slow is a latency that users feel, for each request waits for Redis; the deadline
	// of its commands is five times as long.
	slow = 50 * time.Millisecond
)

// latency is how long a session takes to read.
func (r Redis) latency(ctx context.Context, m Master) []Finding {
	var took []time.Duration
	for range samples {
		began := time.Now()
		err := m.client.Get(ctx, r.Key(m.tag)).Err()
		if denied(err) {
			return nil // which is told by the rights
		}
		if err != nil && !errors.Is(err, redis.Nil) {
			return []Finding{unreachable(err)}
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	median := took[len(took)/2]
	if median < slow {
		return []Finding{fine("redis_latency", fmt.Sprintf("Redis answers in %v", median.Round(10*time.Microsecond)))}
	}
	return []Finding{{
		Warning, "redis_latency", fmt.Sprintf("Redis takes %v to answer", median.Round(time.Millisecond)),
		"each request that asks who the user is waits for it, and gets a 503 from 250 ms on",
		"run it in the same region and network; SLOWLOG GET and INFO commandstats show what keeps it busy",
	}}
}

// encryption looks at a connection of the app's own making: options may be one thing and
// a dialer another.
func (r Redis) encryption(ctx context.Context, m Master) []Finding {
	client, ok := m.client.(*redis.Client)
	if !ok {
		return []Finding{{
			Warning, "redis_tls_unchecked", "the Redis client does not tell how it connects",
			"a password that is sent in the clear can be read on the way", "see to it that it uses TLS",
		}}
	}
	o := client.Options()
	conn, err := o.Dialer(ctx, o.Network, o.Addr)
	if err != nil {
		return []Finding{{
			Warning, "redis_tls_unchecked", "whether the connection to Redis is encrypted was not seen: " + redact.Text(err.Error()),
			"a password that is sent in the clear can be read on the way", "try again",
		}}
	}
	defer func() { _ = conn.Close() }()
	return []Finding{judge(conn)}
}

func judge(conn net.Conn) Finding {
	if _, encrypted := conn.(*tls.Conn); encrypted {
		return fine("redis_tls", "the connection to Redis is encrypted")
	}
	if remote, ok := conn.RemoteAddr().(*net.TCPAddr); ok && !remote.IP.IsLoopback() {
		return Finding{
			Warning, "redis_tls", "the connection to Redis is not encrypted",
			"its password and who has a session can be read on the way; what the sessions hold cannot, it is sealed",
			"use rediss:// or a TLSConfig, unless the network between is yours alone",
		}
	}
	return fine("redis_tls", "Redis is on this machine")
}
