package fibermsal_test

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/internal/figure"
	"github.com/fibermsal/fibermsal/internal/record"
	"github.com/fibermsal/fibermsal/internal/redistest"
	"github.com/fibermsal/fibermsal/internal/sealed"
)

// crowd is a large number of sessions in a Redis. They are written as by a sign-in, but without tokens,
// because no look-up reads them and those of a million sessions would need 8 GB.
type crowd struct {
	t       *testing.T
	redis   *redistest.Server
	records *record.Store
	genuine map[string]any // the session that all are copies of
	tenant  string
	config  fibermsal.Config
	size    int
}

// newCrowd begins with one session that was created by a regular sign-in.
func newCrowd(t *testing.T) *crowd {
	t.Helper()
	server, idp := redistest.Start(t), newIDP(t, withMail())
	c := &crowd{t: t, redis: server, tenant: idp.TenantID}
	s := newSite(t, idp, on(t, server), func(cfg *fibermsal.Config) {
		cfg.Storage = foreignStorage(server.Patient()) // the test is not about deadlines
		c.config = *cfg
	})
	b := s.browser()
	b.signIn(adele)
	ring, err := sealed.NewRing([][]byte{testKey(1)}, "records")
	if err != nil {
		t.Fatal(err)
	}
	c.records = record.NewStore(record.NewRedis(server.Patient(), nil), ring, idp.ClientID)
	name, _ := record.SessionID(b.session())
	content, err := c.records.Get(t.Context(), name, record.Session)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(content, &c.genuine); err != nil {
		t.Fatal(err)
	}
	// Adele's own does not count.
	if _, err := s.auth.EndSessions(t.Context(), fibermsal.SessionFilter{Before: time.Now()}); err != nil {
		t.Fatal(err)
	}
	return c
}

// open returns an instance whose cache is empty.
func (c *crowd) open() *fibermsal.Auth {
	c.t.Helper()
	auth, err := fibermsal.Open(c.config)
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { _ = auth.Close() })
	return auth
}

func (c *crowd) oid(n int) string  { return fmt.Sprintf("00000000-0000-0000-0000-%012d", n) }
func (c *crowd) mail(n int) string { return fmt.Sprintf("person%d@contoso.com", n) }

// grow adds sessions until the given number is reached. Each belongs to a different user.
func (c *crowd) grow(size int) {
	c.t.Helper()
	began, from := time.Now(), c.size
	numbers := make(chan int)
	var wait sync.WaitGroup
	for range 16 {
		wait.Go(func() {
			for n := range numbers {
				if err := c.add(n); err != nil {
					c.t.Errorf("session %d: %v", n, err)
				}
			}
		})
	}
	for ; c.size < size; c.size++ {
		numbers <- c.size
		if c.size%100_000 == 0 && c.size > from {
			c.t.Logf("%d sessions written", c.size)
		}
	}
	close(numbers)
	wait.Wait()
	c.t.Logf("%d sessions after %v", size, time.Since(began).Round(time.Second))
}

// add writes what a sign-in writes.
func (c *crowd) add(n int) error {
	ctx := context.Background()
	oid, mail, sid := c.oid(n), c.mail(n), "sid-"+strconv.Itoa(n)
	content, err := c.content(oid, mail, sid)
	if err != nil {
		return err
	}
	name := nameOf(n)
	const life = 24 * time.Hour
	err = c.records.Put(ctx, name, record.Session, content, life)
	if err == nil {
		_, err = c.records.Enlist(ctx, name, time.Now().Add(life), 100,
			record.NewLabel("user", c.tenant, oid), record.NewLabel("mail", c.tenant, mail), record.NewLabel("sid", sid))
	}
	return err
}

// content returns the content of the genuine session for another user.
func (c *crowd) content(oid, mail, sid string) ([]byte, error) {
	session := make(map[string]any, len(c.genuine))
	for field, value := range c.genuine {
		session[field] = value
	}
	genuine, _ := c.genuine["user"].(map[string]any)
	user := make(map[string]any, len(genuine))
	for field, value := range genuine {
		user[field] = value
	}
	user["oid"], user["mail"], user["upn"] = oid, mail, mail
	session["user"], session["sid"] = user, sid
	return json.Marshal(session)
}

// nameOf is the name of a session whose id is a number.
func nameOf(n int) string {
	var id [record.TokenSize]byte
	binary.BigEndian.PutUint64(id[:], uint64(n))
	name, _ := record.SessionID(base64.RawURLEncoding.EncodeToString(id[:]))
	return name
}

// commands returns the numbers of commands, by name, that Redis has received since the last call.
func (c *crowd) commands() map[string]int {
	c.t.Helper()
	client := c.redis.Client()
	info, err := client.Info(c.t.Context(), "commandstats").Result()
	if err == nil {
		err = client.ConfigResetStat(c.t.Context()).Err()
	}
	if err != nil {
		c.t.Fatal(err)
	}
	calls := map[string]int{}
	for _, row := range regexp.MustCompile(`(?m)^cmdstat_([a-z|]+):calls=(\d+)`).FindAllStringSubmatch(info, -1) {
		if !slices.Contains([]string{"info", "config|resetstat", "ping"}, row[1]) { // the test's own
			calls[row[1]], _ = strconv.Atoi(row[2])
		}
	}
	return calls
}

// Not parallel: times and the heap are measured.
func TestE14_LookUpsAreFlatAndNeverScan(t *testing.T) {
	c := newCrowd(t)
	sizes := []int{1_000, 10_000}
	if soaking() {
		sizes = []int{1_000, 10_000, 100_000, 1_000_000}
	}
	for _, size := range sizes {
		c.grow(size)
		c.lookUp("UserByID", func(auth *fibermsal.Auth, n int) (*fibermsal.DelegatedUser, error) {
			return auth.UserByID(t.Context(), c.tenant, c.oid(n))
		})
		c.lookUp("UserByMail", func(auth *fibermsal.Auth, n int) (*fibermsal.DelegatedUser, error) {
			return auth.UserByMail(t.Context(), c.mail(n))
		})
	}
	c.streams()
}

// lookUp looks up different users, because an instance has cached only a few of a million. The cost of
// two commands on this machine is measured at the same time.
func (c *crowd) lookUp(way string, find func(*fibermsal.Auth, int) (*fibermsal.DelegatedUser, error)) {
	c.t.Helper()
	const lookUps = 999
	auth, users := c.open(), rand.Perm(c.size)
	if _, err := find(auth, users[lookUps]); err != nil { // what is done once: a connection, the authority's metadata
		c.t.Fatal(err)
	}
	c.commands()
	times, pings := make([]time.Duration, lookUps), make([]time.Duration, lookUps)
	for i, n := range users[:lookUps] {
		began := time.Now()
		u, err := find(auth, n)
		times[i] = time.Since(began)
		if err != nil || u.ID != c.oid(n) || u.Mail != c.mail(n) {
			c.t.Fatalf("%d: %v, %v", n, u, err)
		}
		pings[i] = c.twoPings()
	}
	calls, sum := c.commands(), 0
	for _, n := range calls {
		sum += n
	}
	if sum > 4*lookUps || scans(calls) > 0 {
		c.t.Errorf("%s: %v for %d look-ups", way, calls, lookUps)
	}
	slices.Sort(times)
	slices.Sort(pings)
	median, two := times[lookUps/2], pings[lookUps/2]
	c.t.Logf("%-10s of %7d: median %v, two pings %v, which is %.2f times that; %.2f commands each: %v", way, c.size,
		median.Round(time.Microsecond), two.Round(time.Microsecond), float64(median)/float64(two), float64(sum)/lookUps, calls)
	figure.Report(c.t, figure.Figure{Row: "E14", Name: "commands of Redis for a look-up by " + way, Value: fmt.Sprintf("%.2f, of %d sessions", float64(sum)/lookUps, c.size)})
}

func (c *crowd) twoPings() time.Duration {
	c.t.Helper()
	began := time.Now()
	for range 2 {
		if err := c.redis.Client().Ping(c.t.Context()).Err(); err != nil {
			c.t.Fatal(err)
		}
	}
	return time.Since(began)
}

func scans(calls map[string]int) (n int) {
	for name, times := range calls {
		if strings.HasSuffix(name, "scan") || name == "keys" || name == "randomkey" {
			n += times
		}
	}
	return n
}

// streams reads all sessions and measures the heap meanwhile.
func (c *crowd) streams() {
	c.t.Helper()
	auth := c.open()
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	ctx, before, most := c.t.Context(), heap(), uint64(0)
	c.commands()
	began, n, every := time.Now(), 0, c.size/10
	for info, err := range auth.Sessions(ctx, fibermsal.SessionFilter{}) {
		if err != nil || info.User.TenantID != c.tenant {
			c.t.Fatalf("after %d: %+v, %v", n, info, err)
		}
		if n++; n%every == 0 {
			most = max(most, heap())
			c.t.Logf("%d of %d sessions read after %v", n, c.size, time.Since(began).Round(100*time.Millisecond))
		}
	}
	took, calls := time.Since(began), c.commands()
	growth := float64(max(most, before)-before) / (1 << 20)
	c.t.Logf("%d sessions in %v, %.0f a second; the heap grew by %.1f MB; %v", n, took.Round(time.Millisecond), float64(n)/took.Seconds(), growth, calls)
	if n != c.size || scans(calls) > 0 {
		c.t.Errorf("%d sessions of %d, by %v", n, c.size, calls)
	}
	if growth > 16 {
		c.t.Errorf("the heap grew by %.1f MB", growth)
	}
	report, err := auth.CleanSessions(ctx, fibermsal.CleanOptions{})
	if err != nil || report != (fibermsal.CleanReport{Alive: c.size}) {
		c.t.Errorf("cleaning: %+v, %v", report, err)
	}
}

// stored is how many sessions the storage holds.
func (c *crowd) stored() int {
	c.t.Helper()
	return len(recordsOfSessions(c.t, c.redis.Keys()))
}
