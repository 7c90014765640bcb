package main

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"maps"
	"math/rand/v2"
	"net/url"
	"sync"
	"time"

	"github.com/fibermsal/fibermsal/internal/record"
	"github.com/fibermsal/fibermsal/internal/sealed"
)

// stage contains the cost of a request at a certain number of sessions.
type stage struct {
	Sessions   int            `json:"sessions"`
	PerSession int64          `json:"redis_session_bytes"`
	Session    turn           `json:"session"`  // asks who it is, of any of them
	First      turn           `json:"first"`    // request of each session, if they have tokens
	LookUp     turn           `json:"look_up"`  // a worker's, by mail
	Commands   map[string]int `json:"commands"` // of all look-ups
	Resident   int64          `json:"resident_bytes"`
}

// crowd is a large number of sessions that are written as a sign-in would write them.
type crowd struct {
	server  *server
	records *record.Store
	tokens  []byte         // MSAL's cache, in each session if the crowd has tokens
	genuine map[string]any // the session that all are copies of
	cookie  string         // its name
	tenant  string
	size    int
}

// growthWorkload measures requests and a worker's look-ups while the number of sessions grows: W5, W7,
// and the memory of W6.
func growthWorkload(ctx context.Context, b *bench) (*result, error) {
	r := &result{Workload: "growth", Title: "a request and a worker's look-up among many sessions", AtOnce: b.options.connections, Systems: map[string]string{}}
	for _, s := range b.servers {
		if s.Worker == "" {
			continue
		}
		r.Systems[s.Name] = s.About
		c, err := newCrowd(ctx, s, b.emulator, b.key)
		if err != nil {
			return nil, err
		}
		c.tokens = nil
		for size := 1; ; size = min(size*10, b.options.sessions) {
			g, err := c.stage(ctx, b, size)
			if err != nil {
				return nil, err
			}
			log.Printf("growth     %7d sessions: request %.1f us CPU, %.2f commands; look-up %.1f us CPU, p50 %.0f us, %.2f commands; %d MB resident",
				size, g.Session.CPU, g.Session.Redis, g.LookUp.CPU, g.LookUp.P50, g.LookUp.Redis, g.Resident>>20)
			r.Growth = append(r.Growth, g)
			if size == b.options.sessions {
				break
			}
		}
	}
	return r, nil
}

// newCrowd begins with one session that was created by a regular sign-in.
func newCrowd(ctx context.Context, s *server, e *emulator, key []byte) (*crowd, error) {
	v, err := s.enter(0, e.people[0].UPN, e.people[0].ID)
	if err != nil {
		return nil, err
	}
	ring, err := sealed.NewRing([][]byte{key}, "records")
	if err != nil {
		return nil, err
	}
	c := &crowd{server: s, tenant: e.TenantID, records: record.NewStore(record.NewRedis(s.redis.client, nil), ring, e.ClientID)}
	for name, value := range v.cookies {
		session, ok := record.SessionID(value)
		if !ok {
			continue
		}
		content, err := c.records.Get(ctx, session, record.Session)
		if err != nil {
			return nil, err
		}
		if c.tokens, err = c.records.Get(ctx, session, record.Tokens); err != nil {
			return nil, err
		}
		c.cookie = name
		return c, errors.Join(json.Unmarshal(content, &c.genuine), s.redis.client.FlushDB(ctx).Err())
	}
	return nil, errors.New("no session cookie")
}

// stage adds sessions and measures.
func (c *crowd) stage(ctx context.Context, b *bench, size int) (g stage, err error) {
	if err := c.grow(ctx, size); err != nil {
		return g, err
	}
	g.Sessions = size
	if g.PerSession, err = c.perSession(ctx); err != nil {
		return g, err
	}
	anybody := func(s *server, worker, _ int) error { return c.get(worker, c.anyone(), s.Session) }
	lookUp := func(s *server, worker, _ int) error {
		n := rand.IntN(size)
		return s.get(worker, &visitor{id: c.id(n)}, s.Worker+"?mail="+url.QueryEscape(c.mail(n)))
	}
	for _, m := range []struct {
		do     step
		atOnce int
		into   *turn
	}{{anybody, b.options.connections, &g.Session}, {lookUp, 1, &g.LookUp}} { // a worker looks up one after the other
		if _, err := b.measure(ctx, c.server, m.atOnce, b.options.duration/4, m.do); err != nil {
			return g, err
		}
		before, err := c.server.redis.commands(ctx)
		if err != nil {
			return g, err
		}
		if *m.into, err = b.measure(ctx, c.server, m.atOnce, 2*b.options.duration, m.do); err != nil {
			return g, err
		}
		if g.Commands, err = c.server.redis.commands(ctx); err != nil {
			return g, err
		}
		for name := range g.Commands {
			if g.Commands[name] -= before[name]; g.Commands[name] == 0 {
				delete(g.Commands, name)
			}
		}
	}
	g.Resident, err = c.server.resident()
	return g, err
}

// perSession returns the memory of a session in Redis.
func (c *crowd) perSession(ctx context.Context) (int64, error) {
	memory, err := c.server.redis.memory(ctx)
	return memory / int64(c.size), err
}

// anyone returns a random session.
func (c *crowd) anyone() int { return rand.IntN(c.size) }

// get requests a page with a random session.
func (c *crowd) get(worker, n int, path string) error {
	return c.server.get(worker, &visitor{id: c.id(n), header: c.cookie + "=" + sessionID(n)}, path)
}

func (c *crowd) id(n int) string   { return fmt.Sprintf("00000000-0000-4000-8000-%012d", n) }
func (c *crowd) mail(n int) string { return fmt.Sprintf("person%d@contoso.com", n) }

// sessionID returns a cookie value that is derived from a number.
func sessionID(n int) string {
	var id [record.TokenSize]byte
	binary.BigEndian.PutUint64(id[:], uint64(n)+1)
	return base64.RawURLEncoding.EncodeToString(id[:])
}

// grow adds sessions until the given number is reached.
func (c *crowd) grow(ctx context.Context, size int) error {
	numbers := make(chan int)
	var wait sync.WaitGroup
	var failed error
	var once sync.Once
	for range 32 {
		wait.Go(func() {
			for n := range numbers {
				if err := c.add(ctx, n); err != nil {
					once.Do(func() { failed = err })
				}
			}
		})
	}
	for ; c.size < size; c.size++ {
		numbers <- c.size
	}
	close(numbers)
	wait.Wait()
	return failed
}

func (c *crowd) add(ctx context.Context, n int) error {
	session, user := maps.Clone(c.genuine), map[string]any{}
	if genuine, ok := c.genuine["user"].(map[string]any); ok {
		user = maps.Clone(genuine)
	}
	oid, mail, sid := c.id(n), c.mail(n), fmt.Sprintf("sid-%d", n)
	user["oid"], user["mail"], user["upn"] = oid, mail, mail
	session["user"], session["sid"] = user, sid
	content, err := json.Marshal(session)
	if err != nil {
		return err
	}
	const life = 12 * time.Hour
	name, _ := record.SessionID(sessionID(n)) // of the right length
	if err := c.records.Put(ctx, name, record.Session, content, life); err != nil {
		return err
	}
	if c.tokens != nil {
		if err := c.records.Put(ctx, name, record.Tokens, c.tokens, life); err != nil {
			return err
		}
	}
	_, err = c.records.Enlist(ctx, name, time.Now().Add(life), 100,
		record.NewLabel("user", c.tenant, oid), record.NewLabel("mail", c.tenant, mail), record.NewLabel("sid", sid))
	return err
}
