package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"os/exec"
	"slices"
	"strings"
)

// memoryStage contains the cost of sign-ins with the storage in memory at a certain number of sessions,
// as package memory writes it. Times are in microseconds.
type memoryStage struct {
	Sessions  int     `json:"sessions"`
	SignIn    float64 `json:"sign_in_us"`
	CPU       float64 `json:"sign_in_cpu_us"`
	Longest   float64 `json:"read_longest_us"`
	Elsewhere float64 `json:"read_longest_elsewhere_us"`
	Heap      int64   `json:"heap_bytes"`
}

// memoryRow contains the results of all builds for one number of sessions.
type memoryRow struct {
	Build string `json:"build"`
	memoryStage
	// Growth is the processor time of a sign-in over that of one among the fewest sessions.
	Growth float64 `json:"growth"`
}

// thisBuild is the name of this version among builds.
const thisBuild = "this version"

// memoryWorkload measures the storage in memory of this version and of the builds on the command line.
// Each runs in a separate process, and they are measured in turn.
func memoryWorkload(ctx context.Context, b *bench) (*result, error) {
	file, err := b.build(ctx, "./memory")
	if err != nil {
		return nil, err
	}
	names, programs := []string{thisBuild}, map[string]string{thisBuild: file}
	for _, other := range b.options.beside {
		name, program, ok := strings.Cut(other, "=")
		if !ok {
			return nil, fmt.Errorf("-beside %q is not name=program", other)
		}
		names, programs[name] = append(names, name), program
	}
	stages := map[string][][]memoryStage{} // by build, of each repetition
	for range b.options.memoryRepetitions {
		for _, name := range names {
			repeated, err := runMemory(ctx, programs[name], b.options.memorySizes)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			for _, s := range repeated {
				log.Printf("memory     %-14s %7d sessions: sign-in %.1f us, %.1f us CPU; a reader waited %.0f us at most, elsewhere %.0f us",
					name, s.Sessions, s.SignIn, s.CPU, s.Longest, s.Elsewhere)
			}
			stages[name] = append(stages[name], repeated)
		}
	}
	r := &result{Workload: "memory", Title: "what a sign-in writes, on the storage in memory, among many sessions"}
	for _, name := range names {
		r.Memory = append(r.Memory, memoryRows(name, stages[name])...)
	}
	slices.SortStableFunc(r.Memory, func(a, b memoryRow) int { return a.Sessions - b.Sessions })
	return r, nil
}

// runMemory runs a program of package memory.
func runMemory(ctx context.Context, program, sizes string) (stages []memoryStage, err error) {
	var failure bytes.Buffer
	cmd := exec.CommandContext(ctx, program, "-sizes", sizes)
	cmd.Stderr = &failure
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, failure.Bytes())
	}
	for lines := json.NewDecoder(bytes.NewReader(out)); ; {
		var s memoryStage
		if err := lines.Decode(&s); errors.Is(err, io.EOF) {
			return stages, nil
		} else if err != nil {
			return nil, err
		}
		stages = append(stages, s)
	}
}

// memoryRows are the medians of a build's repetitions, by number of sessions.
func memoryRows(name string, repeated [][]memoryStage) (rows []memoryRow) {
	for i, s := range repeated[0] {
		median := func(of func(memoryStage) float64) float64 {
			var values []float64
			for _, stages := range repeated {
				values = append(values, of(stages[i]))
			}
			return spreadOf(values).Median
		}
		row := memoryRow{Build: name, memoryStage: s}
		row.SignIn, row.CPU = median(func(s memoryStage) float64 { return s.SignIn }), median(func(s memoryStage) float64 { return s.CPU })
		row.Longest, row.Elsewhere = median(func(s memoryStage) float64 { return s.Longest }), median(func(s memoryStage) float64 { return s.Elsewhere })
		rows = append(rows, row)
	}
	for i := range rows {
		rows[i].Growth = rows[i].CPU / rows[0].CPU
	}
	return rows
}

// memoryBudgets are the budgets for the storage in memory.
func (r *report) memoryBudgets(add func(what, promise, measured string, kept bool)) {
	w := r.Results["memory"]
	if w == nil {
		return
	}
	rows := slices.DeleteFunc(slices.Clone(w.Memory), func(row memoryRow) bool { return row.Build != thisBuild })
	few, many := rows[0], rows[len(rows)-1]
	add(fmt.Sprintf("what a sign-in costs on memory among %d sessions, over %d", many.Sessions, few.Sessions),
		"at most 2.00 x", fmt.Sprintf("%.2f x", many.Growth), many.Growth <= 2)
}
