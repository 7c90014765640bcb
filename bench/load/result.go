package main

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"github.com/fibermsal/fibermsal/internal/hardware"
)

// result contains the measurements of a workload, as it is stored in a file.
type result struct {
	Workload string  `json:"workload"`
	Title    string  `json:"title"`
	Date     string  `json:"date"`
	Machine  machine `json:"machine"`
	AtOnce   int     `json:"at_once,omitempty"` // users in the closed loop
	Seconds  float64 `json:"seconds,omitempty"` // of a turn

	// Base is the system to which the ratios refer.
	Base    string             `json:"base,omitempty"`
	Systems map[string]string  `json:"systems,omitempty"` // what each is
	Summary map[string]summary `json:"summary,omitempty"`
	Turns   []turn             `json:"turns,omitempty"`

	Idle       map[string]int64 `json:"idle_bytes,omitempty"`          // resident before the first request
	PerSession map[string]int64 `json:"redis_session_bytes,omitempty"` // of Redis, for each session

	Storms []storm `json:"storms,omitempty"`
	Spots  []spot  `json:"spots,omitempty"`
	Growth []stage `json:"growth,omitempty"`

	Memory []memoryRow `json:"memory,omitempty"`
}

// spread is a median with the minimum and maximum.
type spread struct {
	Median float64 `json:"median"`
	Least  float64 `json:"least"`
	Most   float64 `json:"most"`
}

func spreadOf(values []float64) spread {
	if len(values) == 0 {
		return spread{}
	}
	values = slices.Sorted(slices.Values(values))
	return spread{values[len(values)/2], values[0], values[len(values)-1]}
}

// summary summarizes the turns of one system.
type summary struct {
	CPU        spread  `json:"cpu_us"`
	Ratio      spread  `json:"cpu_ratio"` // to the base, within each repetition
	Throughput spread  `json:"per_second"`
	Speed      spread  `json:"per_second_ratio"` // to the base, within each repetition
	P50        spread  `json:"p50_us"`
	P99        spread  `json:"p99_us"`
	Redis      float64 `json:"redis_commands"`
	Entra      float64 `json:"entra_calls"`
	Graph      float64 `json:"graph_calls"`
	Resident   int64   `json:"resident_bytes"`
	Refused    int     `json:"refused"`
	Failed     int     `json:"failed"`
	Link       float64 `json:"link_cpu_us,omitempty"`
}

func newResult(workload, title, base string, b *bench, turns []turn) *result {
	r := &result{
		Workload: workload, Title: title, Base: base, Turns: turns, Seconds: b.options.duration.Seconds(),
		Systems: map[string]string{}, Summary: map[string]summary{}, Idle: map[string]int64{}, PerSession: map[string]int64{},
	}
	for _, s := range b.servers {
		if sum, took := summarize(turns, s.Name, base); took {
			r.Summary[s.Name], r.Systems[s.Name] = sum, s.About
		}
	}
	return r
}

// summarize reports false for a system that had no turn.
func summarize(turns []turn, system, base string) (sum summary, took bool) {
	bases := map[int]turn{}
	for _, t := range turns {
		if t.System == base {
			bases[t.Repetition] = t
		}
	}
	own := slices.DeleteFunc(slices.Clone(turns), func(t turn) bool { return t.System != system })
	spreadBy := func(of func(turn) float64) spread {
		values := make([]float64, len(own))
		for i, t := range own {
			values[i] = of(t)
		}
		return spreadOf(values)
	}
	sum = summary{
		CPU: spreadBy(func(t turn) float64 { return t.CPU }), Throughput: spreadBy(func(t turn) float64 { return t.Throughput }),
		P50: spreadBy(func(t turn) float64 { return t.P50 }), P99: spreadBy(func(t turn) float64 { return t.P99 }),
		Redis: spreadBy(func(t turn) float64 { return t.Redis }).Median, Entra: spreadBy(func(t turn) float64 { return t.Entra }).Median,
		Graph: spreadBy(func(t turn) float64 { return t.Graph }).Median, Link: spreadBy(func(t turn) float64 { return t.Link }).Median,
	}
	for _, t := range own {
		sum.Resident, sum.Refused, sum.Failed = max(sum.Resident, t.Resident), sum.Refused+t.Refused, sum.Failed+t.Failed
	}
	own = slices.DeleteFunc(own, func(t turn) bool { return bases[t.Repetition].CPU == 0 })
	sum.Ratio = spreadBy(func(t turn) float64 { return t.CPU / bases[t.Repetition].CPU })
	sum.Speed = spreadBy(func(t turn) float64 { return t.Throughput / bases[t.Repetition].Throughput })
	return sum, sum.CPU.Median > 0
}

func (r *result) save(name string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	return os.WriteFile(name, append(text, '\n'), 0o644)
}

// machine describes the machine and the software of a measurement.
type machine struct {
	CPU      string            `json:"cpu"`
	Cores    int               `json:"cores"`
	Kernel   string            `json:"kernel"`
	Versions map[string]string `json:"versions"`
}

func thisMachine(ctx context.Context) machine {
	said := func(name string, args ...string) string {
		out, err := exec.CommandContext(ctx, name, args...).Output()
		if err != nil {
			return ""
		}
		line, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
		return line
	}
	m := machine{CPU: hardware.Processor(), Cores: runtime.NumCPU(), Kernel: said("uname", "-sr"), Versions: map[string]string{"go": runtime.Version()}}
	if version := regexp.MustCompile(`v=(\S+)`).FindStringSubmatch(said("redis-server", "--version")); version != nil {
		m.Versions["redis"] = version[1]
	}
	m.Versions["node"] = strings.TrimPrefix(said("node", "--version"), "v")
	for _, module := range []string{
		"github.com/gofiber/fiber/v2", "github.com/gofiber/storage/redis/v3", "github.com/redis/go-redis/v9", "github.com/shareed2k/goth_fiber",
		"github.com/markbates/goth", "github.com/gofiber/contrib/jwt", "github.com/lestrrat-go/jwx", "github.com/AzureAD/microsoft-authentication-library-for-go", "github.com/microsoftgraph/msgraph-sdk-go",
	} {
		m.Versions[module] = said("go", "list", "-m", "-f", "{{.Version}}", module)
	}
	return m
}
