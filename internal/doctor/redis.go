package doctor

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"

	"github.com/fibermsal/fibermsal/internal/redact"
)

// Redis is a Redis server, Sentinel group or Cluster to look at.
type Redis struct {
	Client redis.UniversalClient
	// Key makes names of keys that the app may use and nothing uses, each on the slot
	// that its tag is hashed to. They are all the examination touches, and it leaves
	// nothing there.
	Key func(tag string) string
}

// maxTags is how many tags are tried to find one for each master of a Cluster.
const maxTags = 4096

// Master is a server that keys are written to.
type Master struct {
	name   string // where it is, or "" for the only one
	client redis.UniversalClient
	tag    string // that is hashed to one of its slots
}

// Reach finds the masters and asks each. Without an answer nothing else is worth asking.
func (r Redis) Reach(ctx context.Context) (masters []Master, unreached []Finding) {
	masters, err := r.masters(ctx)
	for i := 0; err == nil && i < len(masters); i++ {
		m := masters[i]
		err = m.client.Get(ctx, r.Key(m.tag)).Err()
		if errors.Is(err, redis.Nil) || denied(err) && !deniedDatabase(err) {
			err = nil // it answered
		}
	}
	if err != nil {
		return nil, []Finding{unreachable(err)}
	}
	return masters, nil
}

func (r Redis) masters(ctx context.Context) ([]Master, error) {
	cluster, ok := r.Client.(*redis.ClusterClient)
	if !ok {
		return []Master{{client: r.Client, tag: "0"}}, nil
	}
	all, err := clusterMasters(ctx, cluster)
	if err != nil {
		return nil, err
	}
	missing := len(all)
	for i := 0; i < maxTags && missing > 0; i++ {
		tag := strconv.Itoa(i)
		holder, err := cluster.MasterForKey(ctx, r.Key(tag))
		if err != nil {
			return nil, err
		}
		if m := all[holder.Options().Addr]; m != nil && m.tag == "" {
			m.tag = tag
			missing--
		}
	}
	var masters []Master
	for _, m := range all {
		if m.tag != "" { // else it has no slots
			masters = append(masters, *m)
		}
	}
	slices.SortFunc(masters, func(a, b Master) int { return cmp.Compare(a.name, b.name) })
	return masters, nil
}

func clusterMasters(ctx context.Context, cluster *redis.ClusterClient) (map[string]*Master, error) {
	var mu sync.Mutex
	all := make(map[string]*Master)
	err := cluster.ForEachMaster(ctx, func(_ context.Context, node *redis.Client) error {
		mu.Lock()
		defer mu.Unlock()
		all[node.Options().Addr] = &Master{name: node.Options().Addr, client: node}
		return nil
	})
	return all, err
}

// Unreachable is a Redis that cannot be asked.
func Unreachable(because string) Finding {
	return Finding{
		Error, "redis_unreachable", "Redis does not answer: " + because,
		"requests of users who are signed in get a 503, and nobody can sign in", reachFix(because),
	}
}

// reachFixes are by what an error says: go-redis does not keep the types of all errors.
var reachFixes = []struct{ sign, fix string }{
	{"no Entra ID token", "see what Entra replied; the app needs a credential that Entra accepts, and its service principal an access policy in the cache"},
	{"x509: certificate signed by", "name the certificate authority of the server in FIBERMSAL_CA_FILE, or RedisTLS"},
	{"x509: certificate is valid for", "use a host in the URL that the server's certificate names, or a certificate that names the host"},
	{"x509: certificate has expired", "give the server a new certificate, or set the clock here"},
	{"remote error: tls:", "the server accepts only clients with a certificate that it trusts: name one in FIBERMSAL_REDIS_CERTIFICATE_FILE, or RedisTLS"},
	{"first record does not look like a TLS handshake", "begin the URL with redis://, if the server really takes no TLS"},
	{"EOF", "begin the URL with rediss:// if the server takes only TLS; else see why it closes connections"},
	{"connection reset", "begin the URL with rediss:// if the server takes only TLS, and name a client certificate if it requires one; else see why it closes connections"},
	{"deadline exceeded", "see whether the server runs and is not stalled, whether address, port and network are right, and whether TLS is used on both sides (rediss://) or on neither (redis://)"},
}

func reachFix(because string) string {
	for _, f := range reachFixes {
		if strings.Contains(because, f.sign) {
			return f.fix
		}
	}
	return "see whether the server runs, and whether its address, its port and the network between are right"
}

func unreachable(err error) Finding {
	text := redact.Text(err.Error())
	f := Unreachable(text)
	switch {
	case startsWith(err, "WRONGPASS", "NOAUTH", "ERR AUTH", "ERR invalid password"):
		f.Code, f.What = "redis_login", "Redis refuses the user or the password: "+text
		f.Fix = "compare both with ACL LIST on the server; the user must be on"
	case deniedDatabase(err):
		f.Code, f.What = "redis_rights", "the Redis user may not use SELECT, which a database other than 0 takes"
		f.Fix = "ACL SETUSER with +select, or use database 0"
	}
	return f
}

// Examine looks at masters that were reached.
func (r Redis) Examine(ctx context.Context, masters []Master) []Finding {
	var found []Finding
	for _, look := range []func(context.Context, Master) []Finding{
		r.writes, r.info, r.latency, r.encryption,
	} {
		found = append(found, each(ctx, masters, look)...)
	}
	return append(found, readsReplicas(r.Client)...)
}

// each looks at all masters, and tells of each thing once: the worst there is, and where.
func each(ctx context.Context, masters []Master, look func(context.Context, Master) []Finding) (found []Finding) {
	var where [][]string
	for _, m := range masters {
		for _, f := range look(ctx, m) {
			i := slices.IndexFunc(found, func(g Finding) bool { return g.Code == f.Code })
			switch {
			case i < 0:
				found, where = append(found, f), append(where, []string{m.name})
			case f.Severity.worse(found[i].Severity):
				found[i], where[i] = f, []string{m.name}
			case f.Severity == found[i].Severity:
				where[i] = append(where[i], m.name)
			}
		}
	}
	for i := range found {
		if len(masters) > 1 {
			found[i].What += " (" + strings.Join(where[i], ", ") + ")"
		}
	}
	return found
}

// readsReplicas looks for options that have replicas read.
func readsReplicas(client redis.UniversalClient) []Finding {
	var reads bool
	if c, ok := client.(*redis.ClusterClient); ok {
		o := c.Options()
		reads = o.ReadOnly || o.RouteByLatency || o.RouteRandomly
	}
	if !reads {
		return nil
	}
	return []Finding{{
		Error, "redis_replica_reads", "the Redis client reads from replicas",
		"they lag: a user who has just signed in may be unknown, and one who has signed out known",
		"turn ReadOnly, RouteByLatency and RouteRandomly off",
	}}
}

// startsWith reports whether a server's reply begins with one of the words.
func startsWith(err error, starts ...string) bool {
	var reply redis.Error
	return errors.As(err, &reply) && slices.ContainsFunc(starts, func(start string) bool {
		return strings.HasPrefix(reply.Error(), start)
	})
}

// denied reports whether the user's rights do not allow a command.
func denied(err error) bool { return startsWith(err, "NOPERM") }

// deniedDatabase reports whether a connection could not be opened because its user may not
// choose the database.
func deniedDatabase(err error) bool {
	return denied(err) && strings.Contains(err.Error(), "'select'")
}
