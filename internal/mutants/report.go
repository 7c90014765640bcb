package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/fibermsal/fibermsal/internal/figure"
)

// report prints what became of the mutants, each as soon as it is known.
type report struct {
	w      io.Writer
	asJSON bool
	began  time.Time

	all, killed int
}

func reportTo(w io.Writer, asJSON bool) *report {
	return &report{w: w, asJSON: asJSON, began: time.Now()}
}

func (r *report) add(m *mutant, got result) error {
	r.all++
	switch got.outcome {
	case killed:
		r.killed++
	case notCompiled, notTested:
		fmt.Fprintf(os.Stderr, "%s, %s:\n%s", m.id, m.check, got.output)
	case survived:
	}
	if r.asJSON {
		return json.NewEncoder(r.w).Encode(figure.Mutant{ID: m.id, Check: m.check, Killed: got.outcome == killed, By: got.by})
	}
	by := string(got.outcome)
	if got.outcome == killed {
		by = got.by
	}
	_, err := fmt.Fprintf(r.w, "%-4s %-96s %s\n", m.id, m.check, by)
	return err
}

// end returns an error unless all mutants were killed.
func (r *report) end() error {
	if !r.asJSON {
		if _, err := fmt.Fprintf(r.w, "%d of %d mutants killed in %v\n", r.killed, r.all, time.Since(r.began).Round(time.Second)); err != nil {
			return err
		}
	}
	if r.killed < r.all {
		return errSurvived
	}
	return nil
}
