package main

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/internal/redistest"
)

// started starts the systems, of this module's directory as make bench does.
func started(t *testing.T, systems []system) *bench {
	t.Helper()
	redistest.Program(t, "redis-server")
	t.Chdir("..")
	for _, s := range systems {
		if s.Dir != "" {
			redistest.Node(t, s.Dir)
		}
	}
	b := &bench{options: options{users: 3, emulator: "127.0.0.1:0"}, scratch: t.TempDir(), key: []byte("0123456789abcdef0123456789abcdef")}
	t.Cleanup(b.stop)
	if err := b.start(t.Context(), systems); err != nil {
		t.Fatal(err)
	}
	return b
}

// The results are comparable only if every system does the same work and no additional work.
func TestSystems_DoTheSame(t *testing.T) {
	for _, s := range started(t, table).servers {
		t.Run(s.Name, func(t *testing.T) {
			for path, graphCalls := range map[string]int{s.Session: 0, s.Graph: 1, s.Typed: 1, s.GraphH2: 1, s.TypedH2: 1} {
				if path == "" {
					continue
				}
				for instance := range s.clients {
					for _, v := range s.users {
						if err := s.get(instance, v, path); err != nil {
							t.Error(err)
						}
					}
				}
				graph, all := s.emulator.Count(entratest.GraphMe), len(s.emulator.Requests())
				if err := s.get(0, s.users[0], path); err != nil {
					t.Error(err)
				}
				graph, all = s.emulator.Count(entratest.GraphMe)-graph, len(s.emulator.Requests())-all
				if graph != graphCalls || all != graphCalls {
					t.Errorf("%s makes %d calls, %d of them of /me; want %d", path, all, graph, graphCalls)
				}
				s.knowsNobody(t, path)
			}
			if s.API == "" {
				return
			}
			calls := len(s.emulator.Requests())
			for _, client := range s.emulator.clients(3) {
				if err := s.get(0, client, s.API); err != nil {
					t.Error(err)
				}
			}
			if calls = len(s.emulator.Requests()) - calls; calls > 2 { // discovery and keys
				t.Errorf("%s makes %d calls", s.API, calls)
			}
			s.knowsNobody(t, s.API)
		})
	}
}

// knowsNobody sends a request without cookies.
func (s *server) knowsNobody(t *testing.T, path string) {
	t.Helper()
	var answer fasthttp.Response
	if err := s.send(0, &visitor{}, http.MethodGet, path, "", &answer); err != nil {
		t.Fatal(err)
	}
	if status := answer.StatusCode(); status == http.StatusOK {
		t.Errorf("%s answers %d to nobody: %s", path, status, answer.Body())
	}
}

// A complete run with small numbers must produce all results and files.
func TestLoad_MeasuresAndReports(t *testing.T) {
	b := started(t, slices.DeleteFunc(slices.Clone(table), func(s system) bool {
		return s.Name != ours && s.Name != bareGet && s.Name != oursOnH2 && s.Name != floorOnH2 && s.Name != contribJWT
	}))
	b.options = options{crowd: 4, rtts: durations{0, 2 * time.Millisecond}, pools: numbers{2}, repetitions: 2, duration: 50 * time.Millisecond, connections: 4, signIns: 2, users: 3, sessions: 20, tokens: 20, accessTokens: 20, results: filepath.Join(t.TempDir(), "results")}
	for _, name := range []string{"session", "graph", "graph-h2", "typed-h2", "bearer", "bearernew", "signin", "distance", "growth", "tokens"} {
		r, err := workloads[name].measure(t.Context(), b)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for system, s := range r.Summary {
			if s.Failed > 0 || s.CPU.Median <= 0 || s.P99.Median < s.P50.Median {
				t.Errorf("%s of %s: %+v", name, system, s)
			}
		}
		for _, spot := range r.Spots {
			for system, s := range spot.Summary {
				if s.Refused+s.Failed > 0 || s.Throughput.Median <= 0 || s.Speed.Median <= 0 || s.P50.Median < 1000*spot.RTT {
					t.Errorf("%s of %s at %v ms: %+v", name, system, spot.RTT, s)
				}
			}
		}
		if err := r.save(filepath.Join(b.options.results, name+".json")); err != nil {
			t.Fatal(err)
		}
	}
	readme := filepath.Join(filepath.Dir(b.options.results), "README.md")
	if err := writeReport(b.options.results, readme); err != nil {
		t.Error(err)
	}
	for _, name := range []string{readme, filepath.Join(b.options.results, "requests.svg"), filepath.Join(b.options.results, "growth.svg")} {
		if !exists(name) {
			t.Errorf("%s is not there", name)
		}
	}
}

func TestMemory_MeasuresBuildsInTurns(t *testing.T) {
	t.Chdir("..")
	b := &bench{options: options{results: t.TempDir(), memorySizes: "10,100", memoryRepetitions: 2}, scratch: t.TempDir()}
	program, err := b.build(t.Context(), "./memory")
	if err != nil {
		t.Fatal(err)
	}
	b.options.beside = files{"before=" + program}
	r, err := memoryWorkload(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []struct {
		sessions int
		build    string
	}{{10, thisBuild}, {10, "before"}, {100, thisBuild}, {100, "before"}} {
		if row := r.Memory[i]; row.Sessions != want.sessions || row.Build != want.build || row.CPU <= 0 || row.Growth <= 0 || row.Longest <= 0 {
			t.Errorf("%+v, want %+v", row, want)
		}
	}
	if err := r.save(filepath.Join(b.options.results, "memory.json")); err != nil {
		t.Fatal(err)
	}
	readme := filepath.Join(t.TempDir(), "README.md")
	if err := writeReport(b.options.results, readme); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(readme); err != nil || !strings.Contains(string(text), "## On memory") || !strings.Contains(string(text), "among 100 sessions, over 10") {
		t.Errorf("%v: %s", err, text)
	}
}

func TestLoad_MeasuresAServerThatRunsAlready(t *testing.T) {
	b := started(t, []system{table[0]})
	running := b.servers[0]
	mine := running.system
	mine.Name, mine.Package, mine.URL, mine.PID, mine.Redis = "mine", "", running.public, running.processes[0].pid, running.redis.url
	s, err := startServer(t.Context(), b, mine)
	if err != nil {
		t.Fatal(err)
	}
	b.servers = append(b.servers, s)
	if err := s.fill(b.emulator); err != nil {
		t.Fatal(err)
	}
	b.options.repetitions, b.options.duration, b.options.connections = 1, 50*time.Millisecond, 2
	r, err := sessionWorkload(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	if got := r.Summary["mine"]; got.Failed > 0 || got.CPU.Median <= 0 || got.Redis != 1 {
		t.Errorf("%+v", got)
	}
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}
