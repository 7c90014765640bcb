package doctor

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/redisdial"
)

const (
	// fewSamples is the number of replies that are enough if one of them is prompt.
	fewSamples = 3
	// manySamples is the number of replies after which all are believed to be late.
	manySamples = 9
	// maxLatency is a latency that users notice, because each request waits for Redis. It is a fifth of
	// the default timeout of commands.
	maxLatency = 50 * time.Millisecond
)

// latency measures how long reading a session takes. The fastest reply decides: the others are also
// late on a machine that is busy, as most are while an app starts, and then Redis is not the cause.
func latency(ctx context.Context, m master) []Finding {
	fastest := time.Duration(math.MaxInt64)
	for n := 0; n < fewSamples || n < manySamples && fastest >= maxLatency; n++ {
		began := time.Now()
		err := m.client.Get(ctx, m.key).Err()
		if isDenied(err) {
			return nil // rights reports it
		}
		if err != nil && !errors.Is(err, redis.Nil) {
			return []Finding{redisFailure(err)}
		}
		fastest = min(fastest, time.Since(began))
	}
	if fastest < maxLatency {
		return []Finding{ok("redis_latency", fmt.Sprintf("Redis answers in %v", fastest.Round(10*time.Microsecond)))}
	}
	return []Finding{{
		Severity: SeverityWarning, Code: "redis_latency",
		What: fmt.Sprintf("Redis takes at least %v to answer", fastest.Round(time.Millisecond)),
		Why:  "each request that needs the user waits for it, and gets a 503 from 250 ms",
		Fix:  "run it in the same region and network; SLOWLOG GET and INFO commandstats show what keeps it busy",
	}}
}

// encryption opens a connection as the client does and checks whether it is encrypted, because the
// options do not show what a dialer does.
func encryption(ctx context.Context, m master) []Finding {
	client, isSingle := m.client.(*redis.Client)
	if !isSingle {
		return []Finding{unknownEncryption("the Redis client does not report how it connects", "make sure that it uses TLS")}
	}
	o := client.Options()
	conn, err := o.Dialer(ctx, o.Network, o.Addr)
	if err != nil {
		return []Finding{unknownEncryption("whether the connection to Redis is encrypted is not known: "+autherr.TextFor(err), "try again")}
	}
	defer func() { _ = conn.Close() }()
	return []Finding{encryptionOf(conn)}
}

func unknownEncryption(what, fix string) Finding {
	return Finding{
		Severity: SeverityWarning, Code: "redis_tls" + uncheckedSuffix, What: what,
		Why: "a password that is sent in the clear can be read on the way", Fix: fix,
	}
}

func encryptionOf(conn net.Conn) Finding {
	if redisdial.IsEncrypted(conn) {
		return ok("redis_tls", "the connection to Redis is encrypted")
	}
	if remote, isTCP := conn.RemoteAddr().(*net.TCPAddr); isTCP && !remote.IP.IsLoopback() {
		return Finding{
			Severity: SeverityWarning, Code: "redis_tls",
			What: "the connection to Redis is not encrypted",
			Why:  "its password, and which users have sessions, can be read on the way; the content of sessions cannot, because it is sealed",
			Fix:  "use rediss:// or a TLSConfig, unless the network in between is yours alone",
		}
	}
	return ok("redis_tls", "Redis is on this machine")
}
