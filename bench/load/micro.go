package main

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// micro is a line of a Go benchmark, the median of its repetitions. Its time is processor time if the
// benchmark reports that.
type micro struct {
	Name        string
	Nanoseconds float64
	Allocations int
	Bytes       int
}

var microLine = regexp.MustCompile(`(?m)^Benchmark(\S+?)-\d+\s+\d+\s+([\d.]+) ns/op(?:\s+([\d.]+) cpu-ns/op)?.*?\s(\d+) B/op\s+(\d+) allocs/op`)

// reported returns the benchmarks that are in the report. Of those with several goroutines, these
// are the first and the last.
func reported(all []micro) []micro {
	return slices.DeleteFunc(slices.Clone(all), func(m micro) bool {
		return strings.HasSuffix(m.Name, "goroutines=4") || strings.HasSuffix(m.Name, "goroutines=16")
	})
}

// readMicro reads the output of go test -bench, if it exists.
func readMicro(name string) ([]micro, error) {
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var order []string
	times, last := map[string][]float64{}, map[string]micro{}
	for _, line := range microLine.FindAllStringSubmatch(string(text), -1) {
		m := micro{Name: line[1]}
		m.Nanoseconds, _ = strconv.ParseFloat(cmp.Or(line[3], line[2]), 64) // digits, here and below
		m.Bytes, _ = strconv.Atoi(line[4])
		m.Allocations, _ = strconv.Atoi(line[5])
		if !slices.Contains(order, m.Name) {
			order = append(order, m.Name)
		}
		times[m.Name], last[m.Name] = append(times[m.Name], m.Nanoseconds), m
	}
	all := make([]micro, len(order))
	for i, name := range order {
		all[i] = last[name]
		all[i].Nanoseconds = spreadOf(times[name]).Median
	}
	return all, nil
}
