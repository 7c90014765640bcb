// Package deploy_test tries the configurations of this directory.
package deploy_test

import (
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/fibermsal/fibermsal/internal/redistest"
)

func read(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func write(t *testing.T, path, content string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func mustRun(t *testing.T, program string, args ...string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), program, args...).CombinedOutput()
	if err != nil {
		t.Errorf("%s %q: %v\n%s", program, args, err, out)
	}
}

func TestPrometheus_RulesFireWhenTheyShould(t *testing.T) {
	t.Parallel()
	promtool := redistest.Program(t, "promtool", "../../bin/promtool")
	mustRun(t, promtool, "check", "config", "prometheus/prometheus.yml")
	mustRun(t, promtool, "test", "rules", "prometheus/fibermsal.rules_test.yml")
}

// dashboard contains the parts of a Grafana dashboard with queries.
type dashboard struct {
	Panels []struct {
		ID      int
		Title   string
		Targets []struct{ Expr string }
	}
}

func panels(t *testing.T) dashboard {
	t.Helper()
	var d dashboard
	if err := json.Unmarshal([]byte(read(t, "grafana/fibermsal.json")), &d); err != nil || len(d.Panels) == 0 {
		t.Fatal(err)
	}
	return d
}

// The queries of the dashboard are passed to promtool as rules.
func TestGrafana_QueriesAreOnesOfPrometheus(t *testing.T) {
	t.Parallel()
	var rules strings.Builder
	rules.WriteString("groups:\n- name: dashboard\n  rules:\n")
	for _, p := range panels(t).Panels {
		for _, target := range p.Targets {
			query := strings.NewReplacer("$__rate_interval", "5m", "$job", "app").Replace(target.Expr)
			rules.WriteString("  - record: panel:a\n    expr: |\n      " + query + "\n    labels: {panel: '" + p.Title + "', query: '" + regexp.MustCompile(`[^a-z0-9]`).ReplaceAllString(query, "") + "'}\n")
		}
	}
	mustRun(t, redistest.Program(t, "promtool", "../../bin/promtool"), "check", "rules", write(t, filepath.Join(t.TempDir(), "rules.yml"), rules.String()))
}

// Each metric is one of docs/telemetry.md, as OpenTelemetry's exporter names it.
func TestMetrics_AreThoseOfTheDocumentation(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	units := map[string]string{"duration": "_seconds", "size": "_bytes"}
	telemetry := read(t, "../../docs/telemetry.md")
	for _, m := range regexp.MustCompile("(?m)^\\| `(fibermsal[a-z_.]+)`(?:, `(\\.[a-z]+)`)?").FindAllStringSubmatch(telemetry, -1) {
		names := []string{m[1]}
		if m[2] != "" {
			names = append(names, m[1][:strings.LastIndex(m[1], ".")]+m[2])
		}
		for _, name := range names {
			unit := units[name[strings.LastIndex(name, ".")+1:]]
			known[strings.ReplaceAll(name, ".", "_")+unit] = true
		}
	}
	used := map[string]bool{}
	for _, file := range []string{"prometheus/fibermsal.rules.yml", "grafana/fibermsal.json"} {
		for _, name := range regexp.MustCompile(`fibermsal_[a-z_]+`).FindAllString(read(t, file), -1) {
			name = regexp.MustCompile(`_(total|bucket|count|sum)$`).ReplaceAllString(name, "")
			if used[name] = true; !known[name] {
				t.Errorf("%s: %s is not one of %q", file, name, slices.Sorted(maps.Keys(known)))
			}
		}
	}
	if len(used) < 8 {
		t.Errorf("only %d are used", len(used))
	}
}

func TestSystemd_UnitsAreValid(t *testing.T) {
	t.Parallel()
	analyze := redistest.Program(t, "systemd-analyze")
	dir := t.TempDir()
	files, err := filepath.Glob("systemd/*")
	if err != nil || len(files) != 3 {
		t.Fatal(files, err)
	}
	args := []string{"verify"}
	for _, file := range files {
		unit := regexp.MustCompile(`/usr/local/bin/\w+`).ReplaceAllString(read(t, file), "/bin/true") // which exists
		args = append(args, write(t, filepath.Join(dir, filepath.Base(file)), unit))
	}
	mustRun(t, analyze, args...)
}

// The library reads all variables in the files.
func TestVariables_AreKnown(t *testing.T) {
	t.Parallel()
	known := read(t, "../../entra/envvariables.go")
	for _, pattern := range []string{"*/*.yaml", "*/*.yml", "*/*.conf", "*/*.service"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatal(pattern, err)
		}
		for _, file := range files {
			for _, m := range regexp.MustCompile(`FIBERMSAL_([A-Z_]+)`).FindAllStringSubmatch(read(t, file), -1) {
				name := strings.TrimSuffix(m[1], "_FILE")
				if !strings.Contains(known, `{"`+name+`", `) && !strings.Contains(known, `{"`+m[1]+`", `) {
					t.Errorf("%s: FIBERMSAL_%s is unknown", file, m[1])
				}
			}
		}
	}
}
