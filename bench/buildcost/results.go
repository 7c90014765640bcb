package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/fibermsal/fibermsal/internal/hardware"
)

// result contains the costs of building one app.
type result struct {
	App          string  `json:"app"`
	What         string  `json:"what"`
	CPUSeconds   float64 `json:"cpu_seconds"` // user and system, of all processes
	WallSeconds  float64 `json:"wall_seconds"`
	PeakRSSBytes int64   `json:"peak_rss_bytes"` // the largest sum over all processes that was seen
	BinaryBytes  int64   `json:"binary_bytes"`
	Machine      machine `json:"machine"`
}

// machine describes the machine and the time of a measurement. Each result has its own, because a file
// may contain results of several runs.
type machine struct {
	Date  string `json:"date"`
	Go    string `json:"go"`
	CPU   string `json:"cpu"`
	Cores int    `json:"cores"`
}

func thisMachine(goVersion string) machine {
	return machine{Date: time.Now().UTC().Format(time.DateOnly), Go: goVersion, CPU: cmp.Or(hardware.Processor(), runtime.GOARCH), Cores: runtime.NumCPU()}
}

// results are sorted in the order of apps.
type results []result

// readResults reads a file. It returns no results if the file does not exist.
func readResults(file string) (results, error) {
	content, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var all results
	if err := json.Unmarshal(content, &all); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return all, nil
}

// with replaces the result of r's app. Results of apps that no longer exist are left out.
func (all results) with(r result) results {
	var merged results
	for _, name := range appNames() {
		if name == r.App {
			merged = append(merged, r)
		} else if i := slices.IndexFunc(all, func(old result) bool { return old.App == name }); i >= 0 {
			merged = append(merged, all[i])
		}
	}
	return merged
}

func (all results) write(file string) error {
	content, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, append(content, '\n'), 0o644)
}

func (all results) print(w io.Writer) error {
	const mb = 1e6
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "app\tCPU s\twall s\tpeak MB\tbinary MB\tdate\t")
	for _, r := range all {
		fmt.Fprintf(table, "%s\t%.0f\t%.0f\t%.0f\t%.1f\t%s\t\n",
			r.App, r.CPUSeconds, r.WallSeconds, float64(r.PeakRSSBytes)/mb, float64(r.BinaryBytes)/mb, r.Machine.Date)
	}
	return table.Flush()
}
