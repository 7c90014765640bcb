package fibermsal_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/fibermsal/fibermsal/internal/redistest"
)

// Temporary errors cause a 503 that keeps the cookie, and have no effect afterwards.
func TestG4_PassingErrorsOfRedis(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		args  []string
		begin func(*testing.T, *redistest.Server) (end func())
	}{
		"READONLY": {nil, func(t *testing.T, s *redistest.Server) func() {
			t.Helper()
			do(t, s, "REPLICAOF", "127.0.0.1", "1") // where nobody listens
			return func() { do(t, s, "REPLICAOF", "NO", "ONE") }
		}},
		"MASTERDOWN": {[]string{"--replica-serve-stale-data", "no"}, func(t *testing.T, s *redistest.Server) func() {
			t.Helper()
			do(t, s, "REPLICAOF", "127.0.0.1", "1")
			return func() { do(t, s, "REPLICAOF", "NO", "ONE") }
		}},
		"LOADING": {[]string{"--enable-debug-command", "yes", "--loading-process-events-interval-bytes", "1024", "--rdbcompression", "no"}, loading},
		"no more clients": {nil, func(t *testing.T, s *redistest.Server) func() {
			t.Helper()
			do(t, s, "CONFIG", "SET", "maxclients", "5")
			do(t, s, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
			return func() { do(t, s, "CONFIG", "SET", "maxclients", "1000") }
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := redistest.Start(t, row.args...)
			idp := newRegistration(t)
			sites := []*site{newSite(t, idp, inHaste(t, server)), newSite(t, idp, inHaste(t, server))}
			browsers := make([]*browser, 20)
			for i := range browsers {
				browsers[i] = sites[i%2].browser()
				browsers[i].awaitSignIn(adele)
			}
			newcomer := sites[0].browser()
			end := row.begin(t, server)
			var wait sync.WaitGroup
			served, failed := make([]int, len(browsers)), make([]int, len(browsers))
			for i, b := range browsers {
				wait.Go(func() { served[i], failed[i] = b.requestTokens(2 * time.Second) })
			}
			wait.Go(func() {
				for range 5 {
					a := newcomer.Send(newcomer.approve(newcomer.start(""), alex).Request())
					if a.StatusCode != http.StatusServiceUnavailable && a.StatusCode != http.StatusSeeOther {
						t.Errorf("sign-in: status %d %s", a.StatusCode, a.Text)
					}
				}
			})
			wait.Wait()
			end()
			healedAt := time.Now()
			for _, b := range browsers {
				b.awaitStorage()
			}
			took := time.Since(healedAt)
			t.Logf("served %d, refused %d; back after %v", served, failed, took.Round(time.Millisecond))
			if took > 2*time.Second { // milliseconds, on a machine that is not busy with other tests
				t.Errorf("back only after %v", took)
			}
			for _, b := range browsers {
				if b.user() != adele || b.Get("/token").Text != adele {
					t.Error("somebody is signed out")
				}
			}
			newcomer.awaitSignIn(alex)
		})
	}
}

// loading makes Redis load its data for some seconds.
func loading(t *testing.T, s *redistest.Server) (end func()) {
	t.Helper()
	for i := range 300 {
		do(t, s, "SET", fmt.Sprint("ballast", i), strings.Repeat("x", 2000), "PX", 600_000)
	}
	do(t, s, "CONFIG", "SET", "key-load-delay", "10000") // microseconds for each key
	// A client that repeats the command would cause it to be executed twice.
	patient := redis.NewClient(&redis.Options{Addr: s.Addr, ReadTimeout: time.Minute, MaxRetries: -1})
	t.Cleanup(func() { _ = patient.Close() })
	done := make(chan error, 1)
	go func() { done <- patient.Do(context.Background(), "DEBUG", "RELOAD").Err() }()
	for until := time.Now().Add(10 * time.Second); ; <-time.After(5 * time.Millisecond) {
		err := s.Client().Get(t.Context(), "ballast0").Err()
		if err != nil && strings.HasPrefix(err.Error(), "LOADING ") {
			break
		}
		if time.Now().After(until) {
			t.Fatalf("it does not load: %v", err)
		}
	}
	return func() {
		if err := <-done; err != nil {
			t.Errorf("reloading: %v", err)
		}
	}
}
