package main

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fibermsal/fibermsal/internal/hardware"
)

// tableOf is a row for each walk, with a column for each state of the build cache.
func tableOf(walks []*walk) string {
	var caches []string
	var rows []*walk // the first of each
	for _, w := range walks {
		if !slices.Contains(caches, w.cache) {
			caches = append(caches, w.cache)
		}
		if !slices.ContainsFunc(rows, w.repeats) {
			rows = append(rows, w)
		}
	}
	var out strings.Builder
	fmt.Fprintf(&out, "| | steps | %s |\n|---|---|%s\n", strings.Join(caches, " | "), strings.Repeat("---|", len(caches)))
	for _, row := range rows {
		fmt.Fprintf(&out, "| %s, %s | %d |", row.version, row.title, len(row.steps))
		for _, cache := range caches {
			fmt.Fprintf(&out, " %s |", tookWith(walks, row, cache))
		}
		out.WriteString("\n")
	}
	return out.String()
}

// repeats reports whether another walk is the same, perhaps with another build cache.
func (w *walk) repeats(other *walk) bool { return w.version == other.version && w.title == other.title }

// tookWith is how long a walk took with a state of the build cache.
func tookWith(walks []*walk, row *walk, cache string) string {
	for _, w := range walks {
		if w.repeats(row) && w.cache == cache {
			return readable(w.took())
		}
	}
	return ""
}

// readable is a duration for people.
func readable(d time.Duration) string {
	const second = time.Second
	switch {
	case d < 10*second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d.Round(second) < time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	}
	return fmt.Sprintf("%d min %d s", d.Round(second)/time.Minute, d.Round(second)%time.Minute/second)
}

// note says when, where and how the table was made. load is how many processes wanted a processor before.
func note(now time.Time, goVersion string, load float64) string {
	busy := ""
	if load >= 1 {
		busy = fmt.Sprintf(", which had other work to do (a load of %.0f)", load)
	}
	return fmt.Sprintf("Measured on %s with %s on %s/%s, %d processors (%s)%s.\n"+
		"The modules had been downloaded, and the time to read and type is not included.\n",
		now.UTC().Format(time.DateOnly), goVersion, runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), cmp.Or(hardware.Processor(), runtime.GOARCH), busy)
}

// load is how many processes want a processor, on average of the last minute; 0 where that is not known.
func load() float64 {
	average, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return 0
	}
	first, _, _ := strings.Cut(string(average), " ")
	wanting, _ := strconv.ParseFloat(first, 64) // 0 if it is no number
	return wanting
}

// The place of the table in the document.
const (
	tableStart = "<!-- first-minutes:start: written by `make first-minutes COLD=1 WRITE=1` -->\n"
	tableEnd   = "<!-- first-minutes:end -->"
)

// writeTable replaces the table in the document.
func writeTable(repository, table string) error {
	file := filepath.Join(repository, filepath.FromSlash(startPage))
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	replaced, err := replaceTable(string(content), table)
	if err != nil {
		return err
	}
	return os.WriteFile(file, []byte(replaced), 0o644)
}

func replaceTable(content, table string) (string, error) {
	before, rest, hasStart := strings.Cut(content, tableStart)
	_, after, hasEnd := strings.Cut(rest, tableEnd)
	if !hasStart || !hasEnd {
		return "", fmt.Errorf("%s lacks %q or %q", startPage, strings.TrimSpace(tableStart), tableEnd)
	}
	return before + tableStart + table + tableEnd + after, nil
}
