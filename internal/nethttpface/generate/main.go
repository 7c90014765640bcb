// Generate writes the tests of the face for net/http, which are not committed, from those of the
// face for Fiber v2. It runs in the root of the repository.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

const target = "internal/nethttpface"

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func run() error {
	names, err := filepath.Glob("*_test.go")
	if err != nil {
		return err
	}
	if err := removeOld(); err != nil {
		return err
	}
	used := map[string]bool{}
	for _, name := range names {
		prefix := leftOutBy(name)
		used[prefix] = true
		if prefix != "" {
			continue
		}
		source, err := os.ReadFile(name) //nolint:gosec // of the repository
		if err != nil {
			return err
		}
		translated, err := translate(name, string(source))
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if err := os.WriteFile(filepath.Join(target, name), translated, 0o644); err != nil { //nolint:gosec // sources are public
			return err
		}
	}
	for _, l := range leftOut {
		if !used[l.prefix] {
			return fmt.Errorf("no test file begins with %q: it need not be left out", l.prefix)
		}
	}
	return nil
}

// removeOld removes the files of an earlier run, whose sources may be gone.
func removeOld() error {
	names, err := filepath.Glob(filepath.Join(target, "*_test.go"))
	if err != nil {
		return err
	}
	for _, name := range names {
		source, err := os.ReadFile(name) //nolint:gosec // of the repository
		if err != nil {
			return err
		}
		if strings.HasPrefix(string(source), header) {
			if err := os.Remove(name); err != nil {
				return err
			}
		}
	}
	return nil
}

// leftOutBy returns the prefix in leftOut that a file's name has, or "".
func leftOutBy(name string) string {
	for _, l := range leftOut {
		if strings.HasPrefix(name, l.prefix) {
			return l.prefix
		}
	}
	return ""
}
