package main

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/fibermsal/fibermsal/internal/figure"
)

// mutants removes checks from the code, one by one.
func (r *run) mutants(ctx context.Context, s *stage) error {
	c := command{args: []string{r.goTool, "run", "./internal/mutants", "-json"}}
	s.Command = c.String()
	err := r.stream(ctx, c, func(stream io.Reader) (err error) {
		r.results.Mutants, err = readMutants(stream, r.progress)
		return err
	})
	if living := slices.ContainsFunc(r.results.Mutants, func(m figure.Mutant) bool { return !m.Killed }); living {
		return nil // the page shows them one by one
	}
	return err
}

// readMutants reads the lines of internal/mutants.
func readMutants(stream io.Reader, progress io.Writer) ([]figure.Mutant, error) {
	return readLines(stream, progress, func(m figure.Mutant) string {
		fate := "lives"
		if m.Killed {
			fate = "is noticed by " + m.By
		}
		return fmt.Sprintf("mutant %s (%s) %s", m.ID, m.Check, fate)
	})
}
