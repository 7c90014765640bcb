package main

import (
	"context"
	"fmt"
	"log"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// stormers is the number of simultaneous requests to each process with an expired token.
	stormers = 50
	// stormRounds is the number of rounds. Each is for another user.
	stormRounds = 5
	// stormLife is the lifetime of the tokens whose expiry is awaited.
	stormLife = 40 * time.Second
)

// storm contains the results of many simultaneous requests of one session with an expired token.
type storm struct {
	System    string  `json:"system"`
	RTT       float64 `json:"rtt_ms,omitempty"` // to Redis
	Requests  int     `json:"requests"`
	Succeeded int     `json:"succeeded"`
	Calls     []int   `json:"token_calls"` // of Entra, in each round
	Slowest   float64 `json:"slowest_ms"`
	Failure   string  `json:"failure,omitempty"` // one of them
}

// stormWorkload lets tokens expire and then sends simultaneous requests: W4.
func stormWorkload(ctx context.Context, b *bench) (*result, error) {
	part := slices.DeleteFunc(slices.Clone(b.servers), func(s *server) bool { return s.Login == "" || s.Graph == "" })
	r := &result{Workload: "storm", Title: fmt.Sprintf("%d requests at once on one expired token, in each process", stormers), AtOnce: stormers, Systems: map[string]string{}}
	for _, s := range part {
		r.Systems[s.Name] = s.About
	}
	var err error
	r.Storms, err = b.storms(ctx, part)
	return r, err
}

// storms measures each of the given servers.
func (b *bench) storms(ctx context.Context, part []*server) (all []storm, err error) {
	b.emulator.SetAccessTokenLifetime(stormLife)
	users := map[*server][]*visitor{}
	for _, s := range part {
		for i := range stormRounds {
			who := b.emulator.people[i]
			v, err := s.enter(0, who.UPN, who.ID)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", s.Name, err)
			}
			users[s] = append(users[s], v)
		}
	}
	b.emulator.SetAccessTokenLifetime(time.Hour)
	select {
	case <-time.After(stormLife + time.Second):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	for _, s := range part {
		t := storm{System: s.Name, RTT: milliseconds(s.rtt)}
		for _, v := range users[s] {
			t.round(b.emulator, s, v)
		}
		log.Printf("storm %4v %-14s %d of %d succeeded, token calls %v, slowest %.0f ms %s", s.rtt, t.System, t.Succeeded, t.Requests, t.Calls, t.Slowest, t.Failure)
		all = append(all, t)
	}
	return all, nil
}

// round is one storm.
func (t *storm) round(e *emulator, s *server, v *visitor) {
	before, _ := e.calls()
	var wait sync.WaitGroup
	var successes atomic.Int64
	var failure atomic.Value
	began := time.Now()
	for i := range stormers * len(s.clients) {
		t.Requests++
		wait.Go(func() {
			if err := s.get(i, v, s.Graph); err != nil {
				failure.Store(err.Error())
				return
			}
			successes.Add(1)
		})
	}
	wait.Wait()
	after, _ := e.calls()
	t.Succeeded += int(successes.Load())
	t.Calls = append(t.Calls, after-before)
	t.Slowest = max(t.Slowest, float64(time.Since(began).Microseconds())/1e3)
	t.Failure, _ = failure.Load().(string)
}
