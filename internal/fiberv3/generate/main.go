// Generate writes the files of the face for Fiber v3: with the argument "sources" those of the
// package, and with "tests" its tests, which are not committed. It runs in the root of the
// repository.
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
	files, err := generated(arguments[0])
	if err != nil {
		return err
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join("v3", name), content, 0o644); err != nil { //nolint:gosec // sources are public
			return err
		}
	}
	return nil
}

func generated(kind string) (map[string][]byte, error) {
	switch kind {
	case "sources":
		return fiberv3.Sources(".")
	case "tests":
		return fiberv3.Tests(".")
	default:
		return nil, fmt.Errorf("want sources or tests, got %q", kind)
	}
}
