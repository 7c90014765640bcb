package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// usualRecord is the approximate size of this library's session record in Redis, in bytes. It is used
// if the library is not among the measured systems.
const usualRecord = 900

// bench contains everything that runs during a measurement.
type bench struct {
	options  options
	scratch  string
	key      []byte // that seals the sessions
	machine  machine
	emulator *emulator
	servers  []*server
	remote   []*server // the same systems at other distances from their Redis
	record   int       // bytes of a session in Redis, which the floor reads as well
}

// start starts all systems and signs their users in.
func (b *bench) start(ctx context.Context, systems []system) (err error) {
	var callbacks []string
	for _, s := range systems {
		if s.Callback != "" {
			callbacks = append(callbacks, "http://localhost"+s.Callback) // on any port
		}
	}
	slices.Sort(callbacks)
	if b.emulator, err = newEmulator(b.options, b.scratch, slices.Compact(callbacks)); err != nil {
		return err
	}
	for _, s := range systems {
		log.Printf("starting %s", s.Name)
		v, err := startServer(ctx, b, s)
		if err != nil {
			return err
		}
		b.servers = append(b.servers, v)
		v.record = cmp.Or(b.record, usualRecord)
		if err := v.fill(b.emulator); err != nil {
			return fmt.Errorf("%s: %w", s.Name, err)
		}
		if s.Name == ours {
			if b.record, err = v.redis.sizeOf(ctx, "*:s"); err != nil {
				return err
			}
		}
	}
	return nil
}

// fill signs all users in.
func (s *server) fill(e *emulator) error {
	s.users = make([]*visitor, len(e.people))
	var wait sync.WaitGroup
	var failed error
	var once sync.Once
	for worker := range 8 {
		wait.Go(func() {
			for i := worker; i < len(s.users); i += 8 {
				v, err := s.enter(0, e.people[i].UPN, e.people[i].ID)
				if err != nil {
					once.Do(func() { failed = err })
					return
				}
				s.users[i] = v
			}
		})
	}
	wait.Wait()
	return failed
}

func (b *bench) stop() {
	var err error
	for _, s := range append(b.remote, b.servers...) {
		err = errors.Join(err, s.stop())
	}
	if b.emulator != nil {
		err = errors.Join(err, b.emulator.Close())
	}
	if err != nil {
		log.Print(err)
	}
}

// step is one action of a user at a server that the user waits for.
type step func(s *server, worker, turn int) error

// turns measures the same workload with all participating systems in turn. The order changes with each
// repetition.
func (b *bench) turns(ctx context.Context, name string, atOnce int, takesPart func(system) bool, do step) ([]turn, error) {
	var runs []turn
	part := slices.DeleteFunc(slices.Clone(b.servers), func(s *server) bool { return !takesPart(s.system) })
	for repetition := range b.options.repetitions {
		repeated, err := b.repetition(ctx, name, repetition, repetition == b.options.repetitions-1, atOnce, part, do)
		if err != nil {
			return nil, err
		}
		runs = append(runs, repeated...)
	}
	return runs, nil
}

// repetition measures each of the given servers once, in random order.
func (b *bench) repetition(ctx context.Context, name string, repetition int, last bool, atOnce int, part []*server, do step) ([]turn, error) {
	var runs []turn
	for _, i := range rand.Perm(len(part)) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		s := part[i]
		warm, err := b.measure(ctx, s, atOnce, b.options.duration/4, do)
		if err != nil {
			return nil, err
		}
		r, err := b.profiled(s, name, last, func() (turn, error) { return b.measure(ctx, s, atOnce, b.options.duration, do) })
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.Name, err)
		}
		r.Repetition = repetition
		r.Refused, r.Failed = r.Refused+warm.Refused, r.Failed+warm.Failed // which no time of getting warm excuses
		r.Warning = cmp.Or(r.Warning, warm.Warning)
		log.Printf("%-22s %d  %-14s %8.1f us CPU  %7.0f/s  p50 %6.0f us  p99 %6.0f us  %.2f Redis  %.2f Entra  %.2f Graph  %d refused, %d failed", name, repetition,
			s.Name, r.CPU, r.Throughput, r.P50, r.P99, r.Redis, r.Entra, r.Graph, r.Refused, r.Failed)
		runs = append(runs, r)
	}
	return runs, nil
}

// turn is one system's turn.
type turn struct {
	System     string  `json:"system"`
	Repetition int     `json:"repetition"`
	Requests   int     `json:"requests"`
	Refused    int     `json:"refused"`               // answered 503
	Failed     int     `json:"failed"`                // answered wrongly, or not at all
	CPU        float64 `json:"cpu_us"`                // the server's processor time per request, microseconds
	Throughput float64 `json:"per_second"`            // requests
	P50        float64 `json:"p50_us"`                // latency, microseconds
	P99        float64 `json:"p99_us"`                // latency, microseconds
	Redis      float64 `json:"redis_commands"`        // per request, those within scripts too
	Entra      float64 `json:"entra_calls"`           // per request, to the token endpoint
	Graph      float64 `json:"graph_calls"`           // per request
	Resident   int64   `json:"resident_bytes"`        // of the largest process, afterwards
	Link       float64 `json:"link_cpu_us,omitempty"` // per request, of the relay that makes the distance
	Warning    string  `json:"warning,omitempty"`
}

// counters are the values that are read before and after a measurement.
type counters struct {
	cpu, link           time.Duration
	redis, token, graph int
}

func (b *bench) counters(ctx context.Context, s *server) (c counters, err error) {
	calls, err := s.redis.commands(ctx)
	for _, n := range calls {
		c.redis += n
	}
	c.token, c.graph = b.emulator.calls()
	var failed error
	c.cpu, failed = s.cpu()
	if s.link != nil && err == nil {
		c.link, err = s.link.cpu()
	}
	return c, errors.Join(err, failed)
}

// measure repeats the same step for some time, in a closed loop.
func (b *bench) measure(ctx context.Context, s *server, atOnce int, lasting time.Duration, do step) (turn, error) {
	began := time.Now()
	return b.measureUntil(ctx, s, atOnce, func() bool { return time.Since(began) >= lasting }, do)
}

// measureUntil is like measure, but runs until a condition holds.
func (b *bench) measureUntil(ctx context.Context, s *server, atOnce int, over func() bool, do step) (turn, error) {
	before, err := b.counters(ctx, s)
	if err != nil {
		return turn{}, err
	}
	var wait sync.WaitGroup
	var refusals, failures atomic.Int64
	var first error
	var once sync.Once
	began := time.Now()
	times := make([]*hdrhistogram.Histogram, atOnce)
	for worker := range atOnce {
		times[worker] = hdrhistogram.New(1, int64(time.Minute/time.Microsecond), 2) // 1 %, for they are many
		wait.Go(func() {
			for turn := 0; !over(); turn++ {
				start := time.Now()
				if err := do(s, worker, turn); err != nil {
					once.Do(func() { first = err })
					if errors.Is(err, errRefused) {
						refusals.Add(1)
					} else {
						failures.Add(1)
					}
					continue
				}
				_ = times[worker].RecordValue(time.Since(start).Microseconds()) // within a minute, by the clients' timeout
			}
		})
	}
	wait.Wait()
	took := time.Since(began)
	after, err := b.counters(ctx, s)
	if err != nil {
		return turn{}, err
	}
	all := times[0]
	for _, h := range times[1:] {
		all.Merge(h)
	}
	n := float64(all.TotalCount())
	if n == 0 {
		return turn{}, fmt.Errorf("nothing succeeded: %w", first)
	}
	r := turn{
		System: s.Name, Requests: int(all.TotalCount()), Refused: int(refusals.Load()), Failed: int(failures.Load()),
		CPU: float64((after.cpu - before.cpu).Nanoseconds()) / 1e3 / n, Throughput: n / took.Seconds(),
		P50: float64(all.ValueAtQuantile(50)), P99: float64(all.ValueAtQuantile(99)),
		Redis: float64(after.redis-before.redis) / n, Entra: float64(after.token-before.token) / n, Graph: float64(after.graph-before.graph) / n,
	}
	r.Link = float64((after.link - before.link).Nanoseconds()) / 1e3 / n
	if first != nil {
		r.Warning = first.Error()
	}
	r.Resident, err = s.resident()
	return r, err
}
