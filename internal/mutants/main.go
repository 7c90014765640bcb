// Mutants shows whether the tests notice that a security check is missing. It removes or weakens one
// check after another, runs the tests that must notice it, and prints which of them failed first. A mutant
// is an overlay of the sources (go help build), so the tree is never changed.
//
//	go run ./internal/mutants [-json] [-only regexp]
//
// It is run in the root of the module, and takes about half an hour, because most mutants need another
// link of the root's tests. The exit status is 1 if a mutant survives or does not compile.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
)

func main() {
	asJSON := flag.Bool("json", false, "print an object for each mutant, one per line")
	only := flag.String("only", "", "the mutants whose ID, or whose check in words, matches a regular expression")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, *only, reportTo(os.Stdout, *asJSON))
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(1)
	}
}

// errSurvived is the result of tests that do not notice each mutant.
var errSurvived = errors.New("not every mutant is killed")

// run tests the selected mutants.
func run(ctx context.Context, only string, r *report) error {
	pattern, err := regexp.Compile(only)
	if err != nil {
		return err
	}
	selected := selectMutants(pattern)
	if len(selected) == 0 {
		return errors.New("no mutant matches -only")
	}
	t, err := newTester(".")
	if err != nil {
		return err
	}
	defer t.close()
	if err := t.withoutMutants(ctx, selected); err != nil {
		return err
	}
	for i := range selected {
		result, err := t.test(ctx, &selected[i])
		if err != nil {
			return err
		}
		if err := r.add(&selected[i], result); err != nil {
			return err
		}
	}
	return r.end()
}
