package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// limit bounds the tests of one mutant. One that hangs is killed by it.
const limit = "-timeout=5m"

// tester runs tests on mutants.
type tester struct {
	root string // of the module
	dir  string // for the overlay
}

func newTester(root string) (*tester, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "mutants-")
	return &tester{root, dir}, err
}

func (t *tester) close() { _ = os.RemoveAll(t.dir) }

// withoutMutants returns an error if tests fail without a mutant, or cannot run here: then their failure
// would show nothing.
func (t *tester) withoutMutants(ctx context.Context, selected []mutant) error {
	patterns := map[string][]string{}
	for i := range selected {
		m := &selected[i]
		patterns[m.pkg] = append(patterns[m.pkg], m.run)
	}
	for _, pkg := range slices.Sorted(maps.Keys(patterns)) {
		slices.Sort(patterns[pkg])
		got, err := t.goTest(ctx, pkg, strings.Join(slices.Compact(patterns[pkg]), "|"))
		if err != nil {
			return err
		}
		if got.outcome != survived {
			return fmt.Errorf("without a mutant, tests of %s do not pass: %s %s\n%s", pkg, got.outcome, got.by, got.output)
		}
	}
	return nil
}

// test tests one mutant.
func (t *tester) test(ctx context.Context, m *mutant) (result, error) {
	original := filepath.Join(t.root, filepath.FromSlash(m.file))
	content, err := os.ReadFile(original) //nolint:gosec // of the list
	if err != nil {
		return result{}, err
	}
	if content, err = m.apply(content); err != nil {
		return result{}, err
	}
	changed := filepath.Join(t.dir, "mutant.go")
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {original: changed}})
	if err != nil {
		return result{}, err
	}
	named := filepath.Join(t.dir, "overlay.json")
	for file, content := range map[string][]byte{changed: content, named: overlay} {
		if err := os.WriteFile(file, content, 0o600); err != nil {
			return result{}, err
		}
	}
	return t.goTest(ctx, m.pkg, m.run, "-overlay="+named)
}

// goTest runs the tests of a package whose names begin as a pattern matches.
func (t *tester) goTest(ctx context.Context, pkg, pattern string, flags ...string) (result, error) {
	arguments := slices.Concat([]string{"test", "-json", "-vet=off", "-count=1", "-failfast", limit}, flags,
		[]string{"-run=^(" + pattern + ")", "./" + pkg})
	command := exec.CommandContext(ctx, "go", arguments...)                         //nolint:gosec // the list is constant
	command.Dir, command.Env = t.root, append(os.Environ(), "FIBERMSAL_TEST_ALL=1") // a test that is skipped notices nothing
	var events, complaints bytes.Buffer
	command.Stdout, command.Stderr = &events, &complaints
	failed := command.Run() != nil
	if err := ctx.Err(); err != nil {
		return result{}, err
	}
	got := resultOf(&events, failed)
	got.output += complaints.String()
	return got, nil
}
