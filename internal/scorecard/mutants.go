package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
)

// mutants removes checks from the code, one by one.
func (r *run) mutants(ctx context.Context, s *stage) error {
	c := command{args: []string{r.goTool, "run", "./internal/mutants", "-json"}}
	s.Command = c.String()
	err := r.stream(ctx, c, func(stream io.Reader) error {
		found, err := readMutants(stream, r.progress)
		r.results.Mutants = found
		return err
	})
	if living := slices.ContainsFunc(r.results.Mutants, func(m mutant) bool { return !m.Killed }); living {
		return nil // the page shows them one by one
	}
	return err
}

// readMutants reads the lines of internal/mutants.
func readMutants(stream io.Reader, progress io.Writer) (all []mutant, err error) {
	lines := bufio.NewScanner(stream)
	for lines.Scan() {
		line := bytes.TrimSpace(lines.Bytes())
		if !bytes.HasPrefix(line, []byte("{")) {
			fmt.Fprintf(progress, "%s\n", line)
			continue
		}
		var m mutant
		if err := json.Unmarshal(line, &m); err != nil {
			return all, err
		}
		all = append(all, m)
		fate := "lives"
		if m.Killed {
			fate = "is noticed by " + m.By
		}
		fmt.Fprintf(progress, "mutant %s (%s) %s\n", m.ID, m.Check, fate)
	}
	return all, lines.Err()
}
