// Generate writes the files of the face for Fiber v3: with the argument "sources" those of the
// package, and with "tests" its tests, which are not committed. It removes those whose original
// is gone. It runs in the root of the repository.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/fibermsal/fibermsal/internal/fiberv3"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "fiberv3:", err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	if len(arguments) != 1 {
		return fmt.Errorf("want sources or tests, got %q", arguments)
	}
	var files map[string][]byte
	var err error
	switch arguments[0] {
	case "sources":
		files, err = fiberv3.Sources(".")
	case "tests":
		files, err = fiberv3.Tests(".")
	default:
		return fmt.Errorf("want sources or tests, got %q", arguments[0])
	}
	if err != nil {
		return err
	}
	if err := removeStale(arguments[0] == "tests", files); err != nil {
		return err
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join("v3", name), content, 0o644); err != nil { //nolint:gosec // sources are public
			return err
		}
	}
	return nil
}

// removeStale removes the generated tests, or the other generated files, that are not generated
// any more.
func removeStale(tests bool, files map[string][]byte) error {
	paths, err := filepath.Glob("v3/*.go")
	if err != nil {
		return err
	}
	for _, path := range paths {
		name := filepath.Base(path)
		if _, current := files[name]; current || fiberv3.IsTest(name) != tests {
			continue
		}
		content, err := os.ReadFile(path) //nolint:gosec // a source of the repository
		if err != nil {
			return err
		}
		if !fiberv3.IsGenerated(content) {
			continue
		}
		if err := os.Remove(path); err != nil {
			return err
		}
	}
	return nil
}
