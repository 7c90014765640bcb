package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/fibermsal/fibermsal/internal/figure"
)

// supply compares the modules in the cache with go.sum, and looks at the licences of all.
func (r *run) supply(ctx context.Context, s *stage) error {
	s.Command = "make verify licences"
	verified, err := r.output(ctx, command{args: []string{"make", "-s", "--no-print-directory", "verify", "GO=" + r.goTool}})
	equal, all := countVerified(verified)
	r.add("R25", "modules of the repository whose dependencies differ from go.sum", fmt.Sprintf("%d of %d", all-equal, all))
	if err != nil || equal != all {
		return fmt.Errorf("make verify: %w\n%s", cmp.Or(err, errors.New("a module was changed")), verified)
	}
	listed, err := r.output(ctx, command{args: []string{"make", "-s", "--no-print-directory", "licences", "GO=" + r.goTool}})
	if err != nil {
		return fmt.Errorf("make licences: %w\n%s", err, listed)
	}
	r.add("R25", "dependencies without an allowed licence", fmt.Sprintf("0 of %d", bytes.Count(listed, []byte("\n"))))
	version, err := r.output(ctx, command{args: []string{r.goTool, "list", "-m", "-f", "{{.Version}}", "github.com/redis/go-redis/v9"}})
	if err != nil {
		return fmt.Errorf("go list: %w\n%s", err, version)
	}
	r.add("R25", "go-redis, which must be v9.17.3 or newer", strings.TrimSpace(string(version)))
	return nil
}

func (r *run) add(row, name, value string) {
	r.results.Figures = append(r.results.Figures, measured{Figure: figure.Figure{Row: row, Name: name, Value: value}, Test: stageSupply})
}

// countVerified counts the lines of `make verify`, and those that found nothing.
func countVerified(output []byte) (equal, all int) {
	for line := range bytes.Lines(output) {
		if !bytes.Contains(line, []byte(": ")) {
			continue
		}
		all++
		if bytes.Contains(line, []byte("all modules verified")) {
			equal++
		}
	}
	return equal, all
}
