// Fuzz runs the fuzz targets of the repository, one after another, and prints how many inputs each of them has tried.
//
//	go run ./internal/fuzz [-json] [-time 30s] [-only regexp]
//
// It is run in the root of the module. The exit status is 1 if an input fails, which is then in testdata/fuzz of its
// package.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"

	"github.com/fibermsal/fibermsal/internal/structure"
)

func main() {
	var o options
	flag.StringVar(&o.goTool, "go", "go", "the go `command`")
	flag.StringVar(&o.time, "time", "30s", "how long, or how often (1000x), each target is run, as go test -fuzztime")
	flag.StringVar(&o.only, "only", "", "the targets whose package or name matches a regular expression")
	asJSON := flag.Bool("json", false, "print an object for each target, one per line")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, o, &report{w: os.Stdout, asJSON: *asJSON})
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "fuzz:", err)
		os.Exit(1)
	}
}

// options are what the command line says.
type options struct{ goTool, time, only string }

// errFailed is the result of a run that found an input that fails.
var errFailed = errors.New("an input fails")

// run runs the selected targets. What fails does not keep the others from running.
func run(ctx context.Context, o options, r *report) error {
	only, err := regexp.Compile(o.only)
	if err != nil {
		return err
	}
	all, err := structure.FuzzTargets(".")
	if err != nil {
		return err
	}
	for _, found := range all {
		t := target(found)
		if !only.MatchString(t.Dir + " " + t.Name) {
			continue
		}
		output, err := t.fuzz(ctx, o)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := r.add(t, output, err); err != nil {
			return err
		}
	}
	return r.end()
}
