package main

import (
	"cmp"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/template"
)

//go:embed README.md.tmpl
var readme string

// report contains all measurements for the template.
type report struct {
	Results map[string]*result
	Machine machine
	Date    string
	Built   []built
	Micro   []micro
}

// built contains the costs of building a program, as package buildcost writes them.
type built struct {
	What        string  `json:"what"`
	CPUSeconds  float64 `json:"cpu_seconds"`
	WallSeconds float64 `json:"wall_seconds"`
	PeakBytes   int64   `json:"peak_rss_bytes"`
	BinaryBytes int64   `json:"binary_bytes"`
}

// writeReport creates README.md and its charts from the results in the directory.
func writeReport(results, target string) error {
	r := &report{Results: map[string]*result{}}
	for name := range workloads {
		var one result
		switch found, err := load(filepath.Join(results, name+".json"), &one); {
		case err != nil:
			return err
		case found:
			r.Results[name] = &one
			if one.Date >= r.Date {
				r.Date, r.Machine = one.Date, one.Machine
			}
		}
	}
	if _, err := load(filepath.Join(results, "buildcost.json"), &r.Built); err != nil {
		return err
	}
	var err error
	if r.Micro, err = readMicro(filepath.Join(results, "go.txt")); err != nil {
		return err
	}
	if err := r.charts(results); err != nil {
		return err
	}
	page, err := template.New("README.md").Funcs(template.FuncMap{
		"rows": rows, "fastest": fastest, "us": us, "ratio": ratio, "mb": mb, "budgets": r.budgets, "contains": strings.Contains, "ns": ns, "reported": reported,
		"ms": func(s spread) float64 { return s.Median / 1000 }, "thousandth": func(x float64) float64 { return x / 1000 },
	}).Parse(readme)
	if err != nil {
		return err
	}
	file, err := os.Create(target)
	if err != nil {
		return err
	}
	return errors.Join(page.Execute(file, r), file.Close())
}

// load reads a file, if it exists.
func load(name string, into any) (found bool, err error) {
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err == nil {
		err = json.Unmarshal(text, into)
	}
	if err != nil {
		err = fmt.Errorf("%s: %w", name, err)
	}
	return err == nil, err
}

func (r *report) charts(results string) error {
	err := requestsChart(filepath.Join(results, "requests.svg"), r.Results)
	if g := r.Results["growth"]; g != nil {
		err = errors.Join(err, growthChart(filepath.Join(results, "growth.svg"), g))
	}
	if s := r.Results["storm"]; s != nil {
		err = errors.Join(err, stormChart(filepath.Join(results, "storm.svg"), s))
	}
	return err
}

// row is a system's line in a table.
type row struct {
	System string
	summary
}

// rows returns a result's systems, the cheapest first.
func rows(r *result) []row {
	return sorted(r.Summary, func(s summary) float64 { return s.CPU.Median })
}

// fastest returns systems sorted by requests per second, in descending order.
func fastest(of map[string]summary) []row {
	return sorted(of, func(s summary) float64 { return -s.Throughput.Median })
}

func sorted(of map[string]summary, by func(summary) float64) []row {
	var all []row
	for system, s := range of {
		all = append(all, row{system, s})
	}
	slices.SortFunc(all, func(a, b row) int { return cmp.Compare(by(a.summary), by(b.summary)) })
	return all
}

func us(s spread) string {
	if s.Median >= 1000 {
		return fmt.Sprintf("%.2f ms (%.2f-%.2f)", s.Median/1000, s.Least/1000, s.Most/1000)
	}
	return fmt.Sprintf("%.1f us (%.1f-%.1f)", s.Median, s.Least, s.Most)
}

func ratio(s spread) string { return fmt.Sprintf("%.2f (%.2f-%.2f)", s.Median, s.Least, s.Most) }

func mb(bytes int64) string { return fmt.Sprintf("%.1f", float64(bytes)/1e6) }

func sum(numbers []int) (n int) {
	for _, one := range numbers {
		n += one
	}
	return n
}

func ns(nanoseconds float64) string {
	switch {
	case nanoseconds >= 1e6:
		return fmt.Sprintf("%.2f ms", nanoseconds/1e6)
	case nanoseconds >= 1e3:
		return fmt.Sprintf("%.2f us", nanoseconds/1e3)
	}
	return fmt.Sprintf("%.0f ns", nanoseconds)
}
