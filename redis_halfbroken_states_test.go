package fibermsal_test

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/fibermsal/fibermsal/internal/redistest"
)

// withoutReplicas makes Redis require a replica that does not exist.
func withoutReplicas(t *testing.T, r redistest.Redis, _ []*browser) (lost map[*browser]bool, heal func()) {
	t.Helper()
	configure(t, r.Masters()[0], "min-replicas-to-write", "1")
	refuses(t, r.Masters()[0], "NOREPLICAS")
	return nil, func() { configure(t, r.Masters()[0], "min-replicas-to-write", "0") }
}

// slowReplica stops and continues the replica that Redis requires.
func slowReplica(t *testing.T, r redistest.Redis, _ []*browser) (lost map[*browser]bool, heal func()) {
	t.Helper()
	master := r.Masters()[0]
	replica := replicaOf(t, master)
	configure(t, master, "min-replicas-to-write", "1")
	resume := replica.Stall()
	waitForLag(t, master, 3)
	refuses(t, master, "NOREPLICAS")
	return nil, func() {
		resume()
		configure(t, master, "min-replicas-to-write", "0")
	}
}

// waitForLag waits until a master has received nothing from its replica for some seconds. On a busy
// machine, data that the replica sent before it was stopped may be read late, and the master would then
// accept writes again.
func waitForLag(t *testing.T, master *redistest.Server, seconds int) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; <-time.After(50 * time.Millisecond) {
		replica := master.Client().InfoMap(t.Context(), "replication").Item("Replication", "slave0")
		_, text, _ := strings.Cut(replica, "lag=")
		if lag, err := strconv.Atoi(text); err == nil && lag >= seconds {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the replica still answers: %s", replica)
		}
	}
}

// failedSnapshot makes Redis write its snapshot to a directory that does not exist.
func failedSnapshot(t *testing.T, r redistest.Redis, _ []*browser) (lost map[*browser]bool, heal func()) {
	t.Helper()
	server := r.Masters()[0]
	dir := filepath.Join(t.TempDir(), "gone")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	configure(t, server, "dir", dir)
	configure(t, server, "save", "3600 1")
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	_ = server.Client().BgSave(t.Context()).Err() // the child fails
	refuses(t, server, "MISCONF")
	return nil, func() { configure(t, server, "save", "") }
}

// demoted makes the server that the app uses a replica of another one, as in a failover that the app is
// not notified of.
func demoted(t *testing.T, r redistest.Redis, _ []*browser) (lost map[*browser]bool, heal func()) {
	t.Helper()
	server := r.Masters()[0]
	promoted := replicaOf(t, server)
	follow := func(s *redistest.Server, host, port string) {
		if err := s.Client().SlaveOf(t.Context(), host, port).Err(); err != nil {
			t.Fatal(err)
		}
	}
	follow(promoted, "NO", "ONE")
	host, port, _ := net.SplitHostPort(promoted.Addr)
	follow(server, host, port)
	refuses(t, server, "READONLY")
	awaitLink(t, server)
	return nil, func() { follow(server, "NO", "ONE") }
}

func outOfMemory(t *testing.T, r redistest.Redis, _ []*browser) (lost map[*browser]bool, heal func()) {
	t.Helper()
	configure(t, r.Masters()[0], "maxmemory", "1")
	refuses(t, r.Masters()[0], "OOM")
	return nil, func() { configure(t, r.Masters()[0], "maxmemory", "0") }
}

// migrating moves slots to other masters and stops half way. None of the first user's keys have been
// moved, for the second user the session has been moved, and for the third the tokens.
func migrating(t *testing.T, r redistest.Redis, users []*browser) (lost map[*browser]bool, heal func()) {
	t.Helper()
	var moves []func()
	for i, b := range users {
		from := masterOf(t, r, b)
		to := r.Masters()[0]
		if to == from {
			to = r.Masters()[1]
		}
		keys := keysOfSession(t, r, b.session())
		if len(keys) != 2 {
			t.Fatalf("keys of a session: %v", keys)
		}
		slot := from.Client().ClusterKeySlot(t.Context(), keys[0]).Val()
		do(t, to, "CLUSTER", "SETSLOT", slot, "IMPORTING", nodeID(t, from))
		do(t, from, "CLUSTER", "SETSLOT", slot, "MIGRATING", nodeID(t, to))
		host, port, _ := net.SplitHostPort(to.Addr)
		move := func(key string) { do(t, from, "MIGRATE", host, port, key, 0, 5000) }
		if i%3 > 0 {
			move(keys[i%3-1])
		}
		moves = append(moves, func() {
			emptySlot(t, from, slot, host, port) // it gets no new keys, which are redirected
			for _, s := range []*redistest.Server{to, from} {
				do(t, s, "CLUSTER", "SETSLOT", slot, "NODE", nodeID(t, to))
			}
		})
	}
	return nil, func() {
		for _, move := range moves {
			move()
		}
	}
}

// emptySlot moves the remaining keys of a slot. In addition to a session's records there may be its
// lock while a renewal holds it.
func emptySlot(t *testing.T, from *redistest.Server, slot int64, host, port string) {
	t.Helper()
	for {
		keys, err := from.Client().ClusterGetKeysInSlot(t.Context(), int(slot), 100).Result()
		if err != nil {
			t.Fatal(err)
		}
		if len(keys) == 0 {
			return
		}
		for _, key := range keys {
			_ = from.Client().Do(t.Context(), "MIGRATE", host, port, key, 0, 5000).Err() // it may have expired meanwhile
		}
	}
}

func oneThirdDown(t *testing.T, r redistest.Redis, users []*browser) (lost map[*browser]bool, heal func()) {
	t.Helper()
	dead := masterOf(t, r, users[0])
	lost = make(map[*browser]bool)
	for _, b := range users {
		lost[b] = masterOf(t, r, b) == dead
	}
	dead.Stop()
	return lost, func() {}
}

func nodeID(t *testing.T, s *redistest.Server) string {
	t.Helper()
	id, err := s.Client().ClusterMyID(t.Context()).Result()
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// refuses waits until a server refuses writes with the expected error.
func refuses(t *testing.T, s *redistest.Server, with string) {
	t.Helper()
	for until := time.Now().Add(20 * time.Second); ; <-time.After(20 * time.Millisecond) {
		err := s.Client().Set(t.Context(), "{}x", "y", time.Second).Err()
		if err != nil && strings.HasPrefix(err.Error(), with+" ") {
			return
		}
		if time.Now().After(until) {
			t.Fatalf("a write: %v, want %s", err, with)
		}
	}
}
