package main

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// stages are the parts of a run, in their order.
var stages = []struct {
	name string
	do   func(*run, context.Context, *stage) error
}{
	{stageTests, (*run).tests},
	{stageEndToEnd, (*run).endToEnd},
	{stageNaive, (*run).naive},
	{stageFuzz, (*run).fuzz},
	{stageMutants, (*run).mutants},
	{stageSupply, (*run).supply},
}

const (
	stageTests    = "tests"
	stageEndToEnd = "e2e"
	stageNaive    = "naive"
	stageFuzz     = "fuzz"
	stageMutants  = "mutants"
	stageSupply   = "supply"
)

// all runs the chosen stages. What fails does not keep the others from running.
func (r *run) all(ctx context.Context, chosen []string) {
	for _, s := range stages {
		if !slices.Contains(chosen, s.name) {
			continue
		}
		fmt.Fprintf(r.progress, "\n=== %s\n", s.name)
		done, began := stage{Name: s.name}, time.Now()
		if err := s.do(r, ctx, &done); err != nil {
			fmt.Fprintf(r.progress, "FAILED %s: %v\n", s.name, err)
			done.Faults = append(done.Faults, err.Error())
		}
		done.Seconds = time.Since(began).Round(time.Second).Seconds()
		r.results.Stages = append(r.results.Stages, done)
		if ctx.Err() != nil {
			return
		}
	}
}

// tests runs the tests of the root's module. One package at a time, because some look at time and memory. In full size,
// many wait for long.
func (r *run) tests(ctx context.Context, s *stage) error {
	packages, err := testPackages(r.root)
	if err != nil {
		return err
	}
	args := []string{"-p", "1", "-timeout", "150m", "-run", wanted}
	if r.full {
		args = append(args, "-parallel", "8")
	}
	return r.goTest(ctx, s, ".", append(args, packages...))
}

// endToEnd runs the tests with processes, browsers and other servers.
func (r *run) endToEnd(ctx context.Context, s *stage) error {
	return r.goTest(ctx, s, endToEnd, []string{"-timeout", "90m", "-run", wanted, "."})
}

// naive runs the same on an app without fibermsal.
func (r *run) naive(ctx context.Context, s *stage) error {
	return r.goTest(ctx, s, ".", []string{"-timeout", "60m", "./" + naiveDir})
}
