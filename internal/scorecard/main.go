// Scorecard runs the proofs of what the library promises, and writes docs/scorecard.md with their figures.
//
//	go run ./internal/scorecard [-size small|full] [-fuzztime 10000x] [-stages tests,e2e,naive,fuzz,mutants,supply] [-from file]
//
// It is run in the root of the module. It prints what it does, and keeps all results in docs/scorecard.json, of which
// -from writes the page again without running anything. The exit status is 1 if anything failed; the page is written
// all the same.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// options are what the command line says.
type options struct {
	root, goTool, size, stages, from, fuzzTime string
}

func main() {
	var o options
	names := make([]string, len(stages))
	for i, s := range stages {
		names[i] = s.name
	}
	flag.StringVar(&o.root, "root", ".", "`directory` of the repository")
	flag.StringVar(&o.goTool, "go", "go", "the go `command`")
	flag.StringVar(&o.size, "size", sizeSmall, "small: what make test does; full: what make soak does, for hours")
	flag.StringVar(&o.fuzzTime, "fuzztime", "", "how long, or how often, each target is fuzzed (default: 10000x, or 30s in full size)")
	flag.StringVar(&o.stages, "stages", strings.Join(names, ","), "what is run; the page says what was left out")
	flag.StringVar(&o.from, "from", "", "write the page of the results in a `file`, and run nothing")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := score(ctx, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "scorecard:", err)
		os.Exit(1)
	}
}

const (
	sizeSmall = "small"
	sizeFull  = "full"
)

// errFailed is the result of a run in which something failed.
var errFailed = errors.New("something failed, see docs/scorecard.md")

// score runs the proofs, or reads what a run has kept, and writes the page.
func score(ctx context.Context, o options) error {
	r, err := o.results(ctx)
	if err != nil {
		return err
	}
	docs := filepath.Join(o.root, "docs")
	if o.from == "" {
		if err := r.save(filepath.Join(docs, "scorecard.json")); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return err // a page of half a run would replace that of a whole one
	}
	if err := write(docs, r); err != nil {
		return err
	}
	if r.failed() {
		return errFailed
	}
	return nil
}

// results runs the proofs, unless there is a file of results.
func (o options) results(ctx context.Context) (*results, error) {
	if o.from != "" {
		return load(o.from)
	}
	if o.size != sizeSmall && o.size != sizeFull {
		return nil, fmt.Errorf("-size is %q, and must be small or full", o.size)
	}
	proofs := &run{root: o.root, goTool: o.goTool, full: o.size == sizeFull, fuzzTime: o.fuzzTime, progress: os.Stderr}
	if proofs.fuzzTime == "" {
		proofs.fuzzTime = "10000x"
		if proofs.full {
			proofs.fuzzTime = "30s"
		}
	}
	proofs.results = &results{Date: time.Now().UTC().Format("2006-01-02 15:04 UTC"), Size: o.size, Machine: thisMachine(ctx, o.root, o.goTool)}
	proofs.all(ctx, strings.Split(o.stages, ","))
	return proofs.results, nil
}

// write writes the page and its chart.
func write(docs string, r *results) error {
	model, err := os.ReadFile(filepath.Join(docs, "security-model.md"))
	if err != nil {
		return err
	}
	var page, chart bytes.Buffer
	writePage(&page, r, string(model))
	writeChart(&chart, pairs(r.cards()))
	return errors.Join(
		os.WriteFile(filepath.Join(docs, "scorecard.md"), page.Bytes(), 0o644),
		os.WriteFile(filepath.Join(docs, "scorecard.svg"), chart.Bytes(), 0o644),
	)
}
