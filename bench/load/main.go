// Load sends requests to real servers over HTTP and measures the cost of a request. Each server has a
// real Redis, and all use the emulator of Entra and Graph.
//
//	go run ./load              all of it, some minutes, as make bench does
//	go run ./load -workloads session,graph -repetitions 3
//	go run ./load -workloads distance   a crowd with Redis at a distance, five minutes
//	go run ./load -workloads memory   the storage in memory among a million sessions, four minutes
//	go run ./load -system mine.json   one more server, see system.go
//
// It is a closed loop: each user sends the next request immediately after the response to the previous
// one. The systems are measured in turn in each repetition. Results are ratios within a repetition, so
// that noise on the machine has less effect.
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// options are the options of the command line.
type options struct {
	workloads    string
	systems      string
	extra        files
	repetitions  int
	duration     time.Duration
	users        int
	connections  int
	signIns      int
	sessions     int
	tokens       int
	accessTokens int
	crowd        int
	rtts         durations
	jitter       time.Duration
	pools        numbers
	results      string
	emulator     string
	secret       string
	profile      bool
	report       bool

	beside            files
	memorySizes       string
	memoryRepetitions int
}

// files is a repeatable flag.
type files []string

// String implements flag.Value.
func (f *files) String() string { return strings.Join(*f, ",") }

// Set implements flag.Value.
func (f *files) Set(name string) error {
	*f = append(*f, name)
	return nil
}

// durations is a flag with several durations.
type durations []time.Duration

// String implements flag.Value.
func (d *durations) String() string { return strings.Trim(fmt.Sprint([]time.Duration(*d)), "[]") }

// Set implements flag.Value.
func (d *durations) Set(list string) (err error) {
	*d, err = parsed(list, time.ParseDuration)
	return err
}

// numbers is a flag with several numbers.
type numbers []int

// String implements flag.Value.
func (n *numbers) String() string { return strings.Trim(fmt.Sprint([]int(*n)), "[]") }

// Set implements flag.Value.
func (n *numbers) Set(list string) (err error) {
	*n, err = parsed(list, strconv.Atoi)
	return err
}

func parsed[T any](list string, parse func(string) (T, error)) (all []T, err error) {
	for part := range strings.SplitSeq(list, ",") {
		one, err := parse(part)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, nil
}

func parse() (o options) {
	flag.StringVar(&o.workloads, "workloads", "session,session-one,graph,typed,graph-h2,typed-h2,bearer,bearernew,signin,signin-one,storm,remote,distance,memory,growth,tokens", "what to measure")
	flag.StringVar(&o.systems, "systems", "", "only these, by name (default: all)")
	flag.Var(&o.extra, "system", "JSON `file` of one more server; repeatable")
	flag.IntVar(&o.repetitions, "repetitions", 7, "how often each system has its turn")
	flag.DurationVar(&o.duration, "duration", 2*time.Second, "of one turn")
	flag.IntVar(&o.users, "users", 400, "signed-in users of each system")
	flag.IntVar(&o.connections, "connections", 32, "users at once")
	flag.IntVar(&o.signIns, "sign-ins", 8, "sign-ins at once")
	flag.IntVar(&o.sessions, "sessions", 1_000_000, "how many sessions to grow to")
	flag.IntVar(&o.accessTokens, "access-tokens", 40_000, "how many access tokens there are for calls with a new one; fibermsal remembers 64 MB of them")
	o.rtts = durations{0, time.Millisecond, 5 * time.Millisecond, 10 * time.Millisecond, 20 * time.Millisecond}
	o.pools = numbers{20, 10}
	flag.IntVar(&o.tokens, "token-sessions", 100_000, "how many sessions with tokens to grow to")
	flag.IntVar(&o.crowd, "crowd", 400, "users at once at a distance from Redis")
	flag.Var(&o.rtts, "rtts", "round-trip `times` to Redis")
	flag.DurationVar(&o.jitter, "jitter", 0, "up to so much more than the round-trip time, evenly distributed")
	flag.Var(&o.pools, "pools", "`sizes` of the pool of connections to Redis, at a distance")
	flag.StringVar(&o.results, "results", "results", "`directory` for the JSON files")
	flag.StringVar(&o.emulator, "emulator", "127.0.0.1:0", "loopback `address` of the emulator, for servers that run already")
	flag.StringVar(&o.secret, "client-secret", "", "its client's `secret` (default: a random one)")
	flag.BoolVar(&o.profile, "profile", false, "fetch a CPU profile of each Go server in each workload's last turn")
	flag.Var(&o.beside, "beside", "`name=program` of package memory, built of an earlier version, to measure beside this one; repeatable")
	flag.StringVar(&o.memorySizes, "memory-sizes", "100,1000,10000,100000,300000,1000000", "numbers of `sessions` in memory")
	flag.IntVar(&o.memoryRepetitions, "memory-repetitions", 3, "how often each build's sessions in memory grow to these numbers")
	flag.BoolVar(&o.report, "report", false, "measure nothing: write README.md of the results that there are")
	flag.Parse()
	return o
}

func main() {
	log.SetFlags(0)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	o := parse()
	var err error
	if !o.report {
		err = run(ctx, o)
	}
	stop()
	if err == nil {
		err = writeReport(o.results, filepath.Join(filepath.Dir(filepath.Clean(o.results)), "README.md"))
	}
	if err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, o options) (err error) {
	scratch, err := os.MkdirTemp("", "fibermsal-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(scratch)) }()
	chosen := strings.Split(o.workloads, ",")
	systems, err := choose(o, chosen)
	if err != nil {
		return err
	}
	b := &bench{options: o, scratch: scratch, key: make([]byte, 32), machine: thisMachine(ctx)}
	_, _ = rand.Read(b.key) // never fails
	defer b.stop()
	if err := b.start(ctx, systems); err != nil {
		return err
	}
	for _, name := range chosen {
		r, err := workloads[name].measure(ctx, b)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		r.Machine, r.Date = b.machine, time.Now().UTC().Format(time.DateOnly)
		if err := r.save(filepath.Join(o.results, name+".json")); err != nil {
			return err
		}
	}
	return nil
}

// workload is a kind of work to measure.
type workload struct {
	measure func(context.Context, *bench) (*result, error)
	needs   func(system) bool // nil: every system with sessions
}

// uses reports whether a system takes part.
func (w workload) uses(s system) bool {
	if w.needs == nil {
		return s.hasSessions() && !s.usesH2()
	}
	return w.needs(s)
}

// workloads lists all workloads. The growth is the last one, because it empties the database.
var workloads = map[string]workload{
	"session":     {measure: sessionWorkload},
	"session-one": {measure: loneSessionWorkload},
	"graph":       {measure: graphWorkload},
	"typed":       {measure: typedWorkload},
	"graph-h2":    {graphH2Workload, system.usesH2},
	"typed-h2":    {typedH2Workload, system.usesH2},
	"bearer":      {bearerWorkload, callsAPI},
	"bearernew":   {newBearerWorkload, callsAPI},
	"signin":      {measure: signInWorkload},
	"signin-one":  {measure: loneSignInWorkload},
	"storm":       {measure: stormWorkload},
	"remote":      {remoteWorkload, goesFar},
	"distance":    {distanceWorkload, func(s system) bool { return goesFar(s) && s.Name != oursTwice && s.Name != oursOnV3 }},
	"growth":      {measure: growthWorkload},
	"memory":      {memoryWorkload, func(system) bool { return false }},
	"tokens":      {measure: tokensWorkload},
}
