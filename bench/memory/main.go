// Memory measures the cost of sign-ins at large numbers of sessions with the default storage, which is
// the memory of the process, and how long readers have to wait. It prints one line of JSON for each
// number of sessions.
//
// It uses only functions that all versions have. To compare with an earlier version, build it there,
// too:
//
//	git worktree add /tmp/before <commit>
//	cp -r memory /tmp/before/bench/
//	go build -C /tmp/before/bench -o /tmp/before.bin ./memory
//	go run ./load -workloads memory -beside "before=/tmp/before.bin"
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"log"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/fibermsal/fibermsal/internal/record"
	"github.com/fibermsal/fibermsal/internal/sealed"
)

// stage contains the measurements at a certain number of sessions. Times are in microseconds.
type stage struct {
	Sessions int     `json:"sessions"`
	SignIn   float64 `json:"sign_in_us"`     // what it writes, the median of rounds
	CPU      float64 `json:"sign_in_cpu_us"` // of the process, with the garbage collector's
	P99      float64 `json:"sign_in_p99_us"`
	Read     float64 `json:"read_p50_us"` // of a session, while others sign in
	// Longest is how long a reader waited at most, while the sessions grew in number and afterwards, and
	// Elsewhere the same of another storage, always nearly empty, which shows what the machine and the
	// garbage collector alone make readers wait for.
	Longest   float64 `json:"read_longest_us"`
	Elsewhere float64 `json:"read_longest_elsewhere_us"`
	Heap      uint64  `json:"heap_bytes"`
}

func main() {
	sizes := flag.String("sizes", "100,1000,10000,100000,300000,1000000", "numbers of `sessions`, ascending")
	rounds := flag.Int("rounds", 15, "of sign-ins, at each size")
	signIns := flag.Int("sign-ins", 1000, "of each round")
	session := flag.Int("session-bytes", 700, "of a session's record")
	tokens := flag.Int("token-bytes", 500, "of its tokens")
	flag.Parse()
	c, err := newCrowd(*session, *tokens)
	if err != nil {
		log.Fatal(err)
	}
	for text := range strings.SplitSeq(*sizes, ",") {
		size, err := strconv.Atoi(text)
		if err != nil {
			log.Fatal(err)
		}
		s, err := c.measure(size, *rounds, *signIns)
		if err == nil {
			err = json.NewEncoder(os.Stdout).Encode(s)
		}
		if err != nil {
			log.Fatal(err)
		}
	}
}

// crowd is sessions in memory.
type crowd struct {
	records, elsewhere *record.Store
	session, tokens    []byte
	size               int
}

func newCrowd(session, tokens int) (*crowd, error) {
	ring, err := sealed.NewRing([][]byte{[]byte("a key of these benchmarks, only.")}, "records")
	if err != nil {
		return nil, err
	}
	c := &crowd{
		records: record.NewStore(record.NewMemory(), ring, "client"), elsewhere: record.NewStore(record.NewMemory(), ring, "client"),
		session: make([]byte, session), tokens: make([]byte, tokens),
	}
	return c, c.elsewhere.Put(context.Background(), nameOf(0), record.Session, c.session, time.Hour)
}

// nameOf returns a name as long as that of a session.
func nameOf(n int) string { return "a-session-whose-name-is-as-long-as-" + strconv.Itoa(n+10_000_000) }

func labelsOf(n int) []record.Label {
	id := strconv.Itoa(n)
	return []record.Label{record.NewLabel("user", "tenant", id), record.NewLabel("mail", "tenant", id), record.NewLabel("sid", id)}
}

// signIn writes the same records as a sign-in: the mark of the used code, the tokens, the session, and
// the lists in which the session is found.
func (c *crowd) signIn(n int) error {
	const life = 12 * time.Hour
	ctx, name := context.Background(), nameOf(n)
	if _, err := c.records.Claim(ctx, name, name, 10*time.Minute); err != nil {
		return err
	}
	if err := c.records.Put(ctx, name, record.Tokens, c.tokens, life); err != nil {
		return err
	}
	if err := c.records.Put(ctx, name, record.Session, c.session, life); err != nil {
		return err
	}
	_, err := c.records.Enlist(ctx, name, time.Now().Add(life), 100, labelsOf(n)...)
	return err
}

func (c *crowd) signOut(n int) error {
	ctx, name := context.Background(), nameOf(n)
	if err := c.records.Delete(ctx, name); err != nil {
		return err
	}
	return c.records.Delist(ctx, name, labelsOf(n)...)
}

// measure adds sessions and measures. Each round signs users in. Signing them out again is not
// measured.
func (c *crowd) measure(size, rounds, signIns int) (s stage, err error) {
	all, err := c.grow(size)
	if err != nil {
		return s, err
	}
	runtime.GC()
	var each, perRound, cpu, read []float64
	for range rounds {
		readers, before, began := c.read(), cpuTime(), time.Now()
		for n := range signIns {
			start := time.Now()
			if err := c.signIn(size + n); err != nil {
				return s, err
			}
			each = append(each, us(time.Since(start)))
		}
		perRound = append(perRound, us(time.Since(began))/float64(signIns))
		cpu = append(cpu, us(cpuTime()-before)/float64(signIns))
		w := readers()
		if w.err != nil {
			return s, w.err
		}
		read = append(read, quantile(w.here, 0.5))
		all.here, all.elsewhere = append(all.here, w.here...), append(all.elsewhere, w.elsewhere...)
		for n := range signIns {
			if err := c.signOut(size + n); err != nil {
				return s, err
			}
		}
	}
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	return stage{
		Sessions: size, SignIn: quantile(perRound, 0.5), CPU: quantile(cpu, 0.5), P99: quantile(each, 0.99), Heap: memory.HeapAlloc,
		Read: quantile(read, 0.5), Longest: quantile(all.here, 1), Elsewhere: quantile(all.elsewhere, 1),
	}, nil
}

// grow signs users in until the given number of sessions is reached, and returns how long a reader
// waited.
func (c *crowd) grow(size int) (w waits, err error) {
	if c.size == 0 {
		c.size, err = 1, c.signIn(0) // there must be one to read
	}
	readers := c.read()
	for n := c.size; n < size && err == nil; n++ {
		err = c.signIn(n)
	}
	w = readers()
	c.size = size
	return w, cmp.Or(err, w.err)
}

// waits are how long a reader waited.
type waits struct {
	here, elsewhere []float64
	err             error
}

// read alternately reads sessions of this storage and one of another storage, until the returned
// function is called.
func (c *crowd) read() (stop func() waits) {
	var w waits
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for w.err == nil {
			w.err = c.readOnce(&w)
			select {
			case <-done:
				return
			case <-time.After(20 * time.Microsecond): // or the reader alone would fill a processor
			}
		}
	}()
	return func() waits {
		close(done)
		<-ended
		return w
	}
}

func (c *crowd) readOnce(w *waits) error {
	ctx, name, start := context.Background(), nameOf(rand.IntN(c.size)), time.Now()
	_, err := c.records.Sealed(ctx, name, record.Session)
	between := time.Now()
	if err == nil {
		_, err = c.elsewhere.Sealed(ctx, nameOf(0), record.Session)
	}
	w.here, w.elsewhere = append(w.here, us(between.Sub(start))), append(w.elsewhere, us(time.Since(between)))
	return err
}

func quantile(values []float64, q float64) float64 {
	slices.Sort(values)
	return values[int(q*float64(len(values)-1))]
}

func us(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e3 }

// cpuTime returns the processor time of this process.
func cpuTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
