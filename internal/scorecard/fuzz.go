package main

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"time"
)

// executions are in the lines that go test -fuzz prints.
var executions = regexp.MustCompile(`fuzz: elapsed: \S+, execs: (\d+)`)

// readFuzz returns how many inputs were tried.
func readFuzz(output []byte) (n int) {
	for _, line := range executions.FindAllSubmatch(output, -1) {
		n, _ = strconv.Atoi(string(line[1])) // digits
	}
	return n
}

// fuzzFor runs a target for some time.
func (r *run) fuzzFor(ctx context.Context, t target, d time.Duration) (output []byte, err error) {
	return r.output(ctx, command{args: []string{
		r.goTool, "test", "-run", "^$", "-fuzz", "^" + t.name + "$", "-fuzztime", d.String(), "-fuzzminimizetime", "10x", "./" + t.dir,
	}})
}

// fuzz runs every target.
func (r *run) fuzz(ctx context.Context, s *stage) error {
	targets, err := fuzzTargets(r.root)
	if err != nil {
		return err
	}
	for i, t := range targets {
		output, err := r.fuzzFor(ctx, t, r.fuzzTime)
		if err == nil && readFuzz(output) == 0 { // the kept inputs took all of the time
			output, err = r.fuzzFor(ctx, t, 10*r.fuzzTime)
		}
		f := fuzzed{Package: t.dir, Target: t.name, Executions: readFuzz(output), Failed: err != nil}
		r.results.Fuzzed = append(r.results.Fuzzed, f)
		fmt.Fprintf(r.progress, "%d of %d: %s %s, %d executions\n", i+1, len(targets), t.dir, t.name, f.Executions)
		if err != nil {
			fmt.Fprintf(r.progress, "FAILED %s\n%s", t.name, output)
			if ctx.Err() != nil {
				return ctx.Err()
			}
		}
	}
	s.Command = fmt.Sprintf("go test -fuzz … -fuzztime %v, for each of %d targets", r.fuzzTime, len(targets))
	return nil
}
