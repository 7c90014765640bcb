package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"

	"github.com/fibermsal/fibermsal/internal/figure"
)

// report prints what became of the targets, each as soon as it is known.
type report struct {
	w      io.Writer
	asJSON bool

	targets, failed, executions int
}

func (r *report) add(t target, output []byte, err error) error {
	l := figure.Fuzzed{Package: t.Dir, Target: t.Name, Executions: executions(output), Failed: err != nil && !isOutOfTime(output)}
	r.targets++
	r.executions += l.Executions
	if l.Failed {
		r.failed++
		fmt.Fprintf(os.Stderr, "%s, %s:\n%s", l.Package, l.Target, output)
	}
	if r.asJSON {
		return json.NewEncoder(r.w).Encode(l)
	}
	fate := "ok"
	if l.Failed {
		fate = "FAILED"
	}
	_, err = fmt.Fprintf(r.w, "%-24s %-32s %10d executions  %s\n", l.Package, l.Target, l.Executions, fate)
	return err
}

// end returns an error if a target failed.
func (r *report) end() error {
	if !r.asJSON {
		if _, err := fmt.Fprintf(r.w, "%d executions of %d targets, %d of which failed\n", r.executions, r.targets, r.failed); err != nil {
			return err
		}
	}
	if r.failed > 0 {
		return errFailed
	}
	return nil
}

// progress is in the lines that go test -fuzz prints.
var progress = regexp.MustCompile(`fuzz: elapsed: \S+, execs: (\d+)`)

// executions returns how many inputs were tried.
func executions(output []byte) (n int) {
	for _, found := range progress.FindAllSubmatch(output, -1) {
		n, _ = strconv.Atoi(string(found[1])) // digits
	}
	return n
}

// isOutOfTime reports whether go test failed only because the time ended while an input was being tried, which it
// reports as if the input had failed, and without the name of a file.
func isOutOfTime(output []byte) bool {
	return bytes.Contains(output, []byte("\n    context deadline exceeded\n")) && !bytes.Contains(output, []byte("Failing input written to"))
}
