package main

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/fibermsal/fibermsal/internal/figure"
)

// fuzz runs every fuzz target.
func (r *run) fuzz(ctx context.Context, s *stage) error {
	c := command{args: []string{r.goTool, "run", "./internal/fuzz", "-json", "-go", r.goTool, "-time", r.fuzzTime}}
	s.Command = c.String()
	err := r.stream(ctx, c, func(stream io.Reader) (err error) {
		r.results.Fuzzed, err = readLines(stream, r.progress, func(f figure.Fuzzed) string {
			return fmt.Sprintf("%s %s: %d executions", f.Package, f.Target, f.Executions)
		})
		return err
	})
	if slices.ContainsFunc(r.results.Fuzzed, func(f figure.Fuzzed) bool { return f.Failed }) {
		return nil // the page shows them one by one
	}
	return err
}
