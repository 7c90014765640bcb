package main

import (
	"encoding/json"
	"os"

	"github.com/fibermsal/fibermsal/internal/figure"
)

// results are everything that a run has shown. They are kept in a file, of which the page can be written again.
type results struct {
	Date    string          `json:"date"`
	Size    string          `json:"size"`
	Machine machine         `json:"machine"`
	Stages  []stage         `json:"stages"`
	Tests   []test          `json:"tests"`
	Figures []measured      `json:"figures"`
	Fuzzed  []figure.Fuzzed `json:"fuzzed"`
	Mutants []figure.Mutant `json:"mutants"`
}

// stage is a part of a run, with its commands.
type stage struct {
	Name    string   `json:"name"`
	Command string   `json:"command"`
	Seconds float64  `json:"seconds"`
	Faults  []string `json:"faults,omitempty"` // what failed beside tests, such as a package that does not compile
}

// test is a test function with its cases: its subtests that have none themselves, or itself.
type test struct {
	Package string  `json:"package"` // directory, from the root of the repository
	Name    string  `json:"name"`
	Passed  int     `json:"passed"`
	Failed  int     `json:"failed,omitempty"`
	Skipped int     `json:"skipped,omitempty"`
	Seconds float64 `json:"seconds"`
}

// measured is a figure with the test that reported it.
type measured struct {
	figure.Figure
	Package string `json:"package"`
	Test    string `json:"test"` // with its subtest
}

// stage returns a stage, and nil if it was not run.
func (r *results) stage(name string) *stage {
	for i := range r.Stages {
		if r.Stages[i].Name == name {
			return &r.Stages[i]
		}
	}
	return nil
}

// failed reports whether anything failed. A mutant that lives is a test that is missing.
func (r *results) failed() bool {
	for _, s := range r.Stages {
		if len(s.Faults) > 0 {
			return true
		}
	}
	for _, t := range r.Tests {
		if t.Failed > 0 {
			return true
		}
	}
	for _, f := range r.Fuzzed {
		if f.Failed {
			return true
		}
	}
	for _, m := range r.Mutants {
		if !m.Killed {
			return true
		}
	}
	return false
}

// load reads results that were kept.
func load(name string) (*results, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	r := &results{}
	return r, json.Unmarshal(text, r)
}

// save keeps results.
func (r *results) save(name string) error {
	text, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(name, append(text, '\n'), 0o644)
}
