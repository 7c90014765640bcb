package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/fibermsal/fibermsal/internal/figure"
)

const modulePath = "github.com/fibermsal/fibermsal"

// event is a line of go test -json.
type event struct {
	Action     string
	Package    string
	ImportPath string // of what does not compile
	Test       string
	Elapsed    float64
	Output     string
	Key, Value string // of attributes
}

// reader collects the events of tests.
type reader struct {
	results  *results
	stage    *stage
	progress io.Writer
	packages map[string]map[string]*trace // by directory and test
	compiler strings.Builder              // what it says about packages that do not compile
}

// trace is what is known of a running test.
type trace struct {
	outcome string // empty as long as it runs
	seconds float64
	output  []string // the latest lines
}

// failed reports whether a test failed, or has not ended because the process did.
func (t *trace) failed() bool { return t.outcome != "pass" && t.outcome != "skip" }

// keptLines is how many lines of a test are printed if it fails.
const keptLines = 200

func newReader(r *results, s *stage, progress io.Writer) *reader {
	return &reader{results: r, stage: s, progress: progress, packages: map[string]map[string]*trace{}}
}

// read reads events until their end. Lines that are none are what the go command says.
func (r *reader) read(stream io.Reader) error {
	lines := bufio.NewReader(stream)
	for {
		line, err := lines.ReadBytes('\n')
		if line = bytes.TrimSpace(line); len(line) > 0 {
			var e event
			if json.Unmarshal(line, &e) != nil || e.Action == "" {
				fmt.Fprintf(r.progress, "%s\n", line)
			} else if err := r.add(e); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			r.finish()
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// add adds an event.
func (r *reader) add(e event) error {
	dir := directory(e.Package)
	if e.Test == "" {
		r.addToPackage(dir, e)
		return nil
	}
	t := r.trace(dir, e.Test)
	switch e.Action {
	case "output":
		if t.output = append(t.output, e.Output); len(t.output) > keptLines {
			t.output = t.output[1:]
		}
	case "attr":
		if e.Key != figure.Key {
			return nil
		}
		m := measured{Package: dir, Test: e.Test}
		if err := json.Unmarshal([]byte(e.Value), &m.Figure); err != nil {
			return fmt.Errorf("%s %s: %w", dir, e.Test, err)
		}
		r.results.Figures = append(r.results.Figures, m)
	case "pass", "fail", "skip":
		t.outcome, t.seconds = e.Action, e.Elapsed
		r.show(dir, e, t)
		t.output = nil
	}
	return nil
}

// longSeconds is how long a test takes that is mentioned.
const longSeconds = 5

// show prints what a test said that failed, and which tests took long, because somebody waits.
func (r *reader) show(dir string, e event, t *trace) {
	switch {
	case e.Action == "fail":
		fmt.Fprintf(r.progress, "FAILED %s %s\n%s", dir, e.Test, strings.Join(t.output, ""))
	case e.Elapsed >= longSeconds && !strings.Contains(e.Test, "/"):
		fmt.Fprintf(r.progress, "%s %s, %.0f s\n", dir, e.Test, e.Elapsed)
	}
}

// addToPackage adds an event of a package as a whole.
func (r *reader) addToPackage(dir string, e event) {
	switch e.Action {
	case "build-output":
		r.compiler.WriteString(e.Output)
	case "fail":
		fmt.Fprint(r.progress, r.compiler.String())
		r.compiler.Reset()
		if !r.hasFailure(dir) { // it does not compile, or panicked, or its TestMain found something
			r.stage.Faults = append(r.stage.Faults, "package "+dir+" failed")
		}
		fmt.Fprintf(r.progress, "FAILED %s, %.0f s\n", dir, e.Elapsed)
	case "pass":
		fmt.Fprintf(r.progress, "passed %s, %d tests, %.0f s\n", dir, len(r.topLevel(dir)), e.Elapsed)
	}
}

// finish makes tests of what was traced.
func (r *reader) finish() {
	for _, dir := range slices.Sorted(maps.Keys(r.packages)) {
		for _, name := range r.topLevel(dir) {
			r.results.Tests = append(r.results.Tests, r.count(dir, name))
		}
	}
}

// count counts the cases of a test. A test with subtests is none itself, unless it failed and they did not.
func (r *reader) count(dir, name string) test {
	t := test{Package: dir, Name: name, Seconds: r.packages[dir][name].seconds}
	for other, seen := range r.packages[dir] {
		if other != name && !strings.HasPrefix(other, name+"/") {
			continue
		}
		switch subtests := r.subtests(dir, other); {
		case len(subtests) > 0 && (!seen.failed() || slices.ContainsFunc(subtests, (*trace).failed)):
		case seen.failed():
			t.Failed++
		case seen.outcome == "skip":
			t.Skipped++
		default:
			t.Passed++
		}
	}
	return t
}

// subtests returns all below a test.
func (r *reader) subtests(dir, name string) (all []*trace) {
	for other, t := range r.packages[dir] {
		if strings.HasPrefix(other, name+"/") {
			all = append(all, t)
		}
	}
	return all
}

func (r *reader) hasFailure(dir string) bool {
	for _, t := range r.packages[dir] {
		if t.failed() {
			return true
		}
	}
	return false
}

// topLevel returns the names of a package's tests that are no subtests.
func (r *reader) topLevel(dir string) (names []string) {
	for name := range r.packages[dir] {
		if !strings.Contains(name, "/") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func (r *reader) trace(dir, name string) *trace {
	if r.packages[dir] == nil {
		r.packages[dir] = map[string]*trace{}
	}
	t := r.packages[dir][name]
	if t == nil {
		t = &trace{}
		r.packages[dir][name] = t
	}
	return t
}

// directory returns where a package is, from the root of the repository.
func directory(importPath string) string {
	return path.Join(".", strings.TrimPrefix(importPath, modulePath))
}

// explained reports whether a failure is that of a test or of a package, rather than of the go command.
func (r *reader) explained() bool {
	if len(r.stage.Faults) > 0 {
		return true
	}
	for dir := range r.packages {
		if r.hasFailure(dir) {
			return true
		}
	}
	return false
}
