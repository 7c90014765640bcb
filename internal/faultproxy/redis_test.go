package faultproxy_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/fibermsal/fibermsal/internal/faultproxy"
	"github.com/fibermsal/fibermsal/internal/redistest"
)

// clientOf returns a client that does not retry.
func clientOf(t *testing.T, p *faultproxy.Proxy, protocol int) *redis.Client {
	t.Helper()
	client := redis.NewClient(&redis.Options{Addr: p.Addr(), Protocol: protocol, MaxRetries: -1, ReadTimeout: 5 * time.Second})
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func eachProtocol(t *testing.T, test func(t *testing.T, p *faultproxy.Proxy, client *redis.Client, direct *redis.Client)) {
	t.Helper()
	for _, protocol := range []int{2, 3} {
		t.Run(fmt.Sprintf("RESP%d", protocol), func(t *testing.T) {
			t.Parallel()
			server := redistest.Start(t)
			p := faultproxy.New(t, server.Addr)
			test(t, p, clientOf(t, p, protocol), server.Client())
		})
	}
}

func TestDropReplies_ExecutesTheCommands(t *testing.T) {
	t.Parallel()
	eachProtocol(t, func(t *testing.T, p *faultproxy.Proxy, client, direct *redis.Client) {
		t.Helper()
		ctx := t.Context()
		if err := client.Ping(ctx).Err(); err != nil {
			t.Fatal(err)
		}
		p.DropReplies(2, func(command []string) bool { return strings.EqualFold(command[0], "set") && command[1] == "lost" })
		if err := client.Set(ctx, "kept", "1", 0).Err(); err != nil {
			t.Error(err)
		}
		for i := range 2 {
			if err := client.Set(ctx, "lost", i, 0).Err(); err == nil {
				t.Error("the reply came")
			}
			if got := direct.Get(ctx, "lost").Val(); got != strconv.Itoa(i) {
				t.Errorf("Redis has %q: the command did not reach it", got)
			}
		}
		if err := client.Set(ctx, "lost", 2, 0).Err(); err != nil {
			t.Errorf("the third: %v", err)
		}
		if p.Dropped() != 2 {
			t.Errorf("%d dropped", p.Dropped())
		}
		p.DropReplies(1, nil)
		results, err := client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
			pipe.Set(ctx, "a", strings.Repeat("x", 100_000), 0)
			pipe.Get(ctx, "a")
			return nil
		})
		if err == nil || results[0].Err() == nil {
			t.Errorf("the first of a pipeline: %v", err)
		}
		p.DropReplies(1, func(command []string) bool { return strings.EqualFold(command[0], "get") })
		results, err = client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
			pipe.HSet(ctx, "hash", "field", "value")
			pipe.HGetAll(ctx, "hash")
			pipe.Get(ctx, "a")
			return nil
		})
		if err == nil || results[0].Err() != nil || results[1].Err() != nil || results[2].Err() == nil {
			t.Errorf("the last of a pipeline: %v", results)
		}
	})
}

func TestSwapReplies_AmongWaitingConnections(t *testing.T) {
	t.Parallel()
	eachProtocol(t, func(t *testing.T, p *faultproxy.Proxy, client, direct *redis.Client) {
		t.Helper()
		ctx := t.Context()
		const readers = 8
		for i := range readers {
			if err := direct.Set(ctx, fmt.Sprint("key", i), strings.Repeat(strconv.Itoa(i), 20_000), 0).Err(); err != nil {
				t.Fatal(err)
			}
		}
		read := func(rounds int) (own, foreign int) {
			var mu sync.Mutex
			var wait sync.WaitGroup
			for i := range readers {
				wait.Go(func() {
					for range rounds {
						got, err := client.Get(ctx, fmt.Sprint("key", i)).Result()
						mu.Lock()
						switch {
						case err != nil:
							t.Errorf("key%d: %v", i, err)
						case len(got) == 20_000 && got[0] == byte('0'+i):
							own++
						default:
							foreign++
						}
						mu.Unlock()
					}
				})
			}
			wait.Wait()
			return own, foreign
		}
		if _, foreign := read(20); foreign != 0 {
			t.Errorf("%d foreign replies before", foreign)
		}
		p.SwapReplies(true)
		own, foreign := read(50)
		t.Logf("%d own and %d foreign replies", own, foreign)
		if foreign == 0 || foreign != p.Swapped() {
			t.Errorf("%d foreign replies, %d swapped", foreign, p.Swapped())
		}
		p.SwapAlike()
		if _, foreign := read(20); foreign == 0 {
			t.Error("no reply to the GET of another connection")
		}
		if got := client.Incr(ctx, "number").Val(); got != 1 { // no other connection sends INCR
			t.Errorf("counted %d", got)
		}
		p.SwapReplies(false)
		if _, foreign := read(20); foreign != 0 {
			t.Errorf("%d foreign replies afterwards", foreign)
		}
	})
}

// The proxy finds the end of replies of all types.
func TestReplies_OfAllTypesKeepTheirOrder(t *testing.T) {
	t.Parallel()
	eachProtocol(t, func(t *testing.T, p *faultproxy.Proxy, client, _ *redis.Client) {
		t.Helper()
		ctx := t.Context()
		p.Delay(time.Millisecond, time.Millisecond)
		send := func() error {
			key := fmt.Sprint("of", time.Now().UnixNano())
			results, err := client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
				pipe.Get(ctx, "missing")
				pipe.ZAdd(ctx, key, redis.Z{Score: 1.5, Member: "member\r\n$5\r\n*3"})
				pipe.ZRangeWithScores(ctx, key, 0, -1)
				pipe.Eval(ctx, "return {1, {2, {false, 'x'}}, {}, 'y'}", nil)
				pipe.Eval(ctx, "return redis.error_reply('MY error')", nil)
				pipe.Do(ctx, "CONFIG", "GET", "max*")
				pipe.Do(ctx, "COMMAND", "DOCS", "get")
				pipe.Info(ctx)
				pipe.Incr(ctx, key+"n")
				return nil
			})
			if n := results[8].(*redis.IntCmd).Val(); n != 1 {
				return fmt.Errorf("the last reply is %d, %w", n, err)
			}
			if z := results[2].(*redis.ZSliceCmd).Val(); len(z) != 1 || z[0].Member != "member\r\n$5\r\n*3" {
				return fmt.Errorf("a set of %v", z)
			}
			return nil
		}
		for range 20 {
			if err := send(); err != nil {
				t.Fatal(err)
			}
		}
		subscription := client.Subscribe(ctx, "news")
		defer func() { _ = subscription.Close() }()
		if _, err := subscription.Receive(ctx); err != nil {
			t.Fatal(err)
		}
		if err := client.Publish(ctx, "news", "hello").Err(); err != nil {
			t.Fatal(err)
		}
		if message, err := subscription.ReceiveMessage(ctx); err != nil || message.Payload != "hello" {
			t.Errorf("%v, %v", message, err)
		}
		if p.DropReplies(1, nil); send() == nil {
			t.Error("nothing was dropped")
		}
		if err := send(); err != nil {
			t.Error(err)
		}
	})
}

func TestFreezeExisting_OfRedisEndsInATimeout(t *testing.T) {
	t.Parallel()
	p := faultproxy.New(t, redistest.Start(t).Addr)
	client := clientOf(t, p, 3)
	if err := client.Ping(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	p.FreezeExisting()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	slow := client.WithTimeout(100 * time.Millisecond)
	if err := slow.Ping(ctx).Err(); err == nil || errors.Is(err, redis.Nil) {
		t.Errorf("a frozen connection replied: %v", err)
	}
	if err := client.Ping(t.Context()).Err(); err != nil {
		t.Errorf("a new connection: %v", err)
	}
}
