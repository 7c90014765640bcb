// Fiberv3 writes the files of the face for Fiber v3 from those of the face for Fiber v2: with
// the argument "sources" those of the package, and with "tests" its tests, which are not
// committed. It runs in the root of the repository.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// own are files of which v3 has its own.
var own = []string{"fiber.go", "fiber_harness_test.go", "example_test.go"}

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
	names, err := files(arguments[0])
	if err != nil {
		return err
	}
	for _, name := range names {
		source, err := os.ReadFile(name) //nolint:gosec // of the repository
		if err != nil {
			return err
		}
		translated, err := translate(name, source)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if err := os.WriteFile(filepath.Join("v3", name), translated, 0o644); err != nil { //nolint:gosec // sources are public
			return err
		}
	}
	return nil
}

// files returns the names of the files to translate.
func files(kind string) ([]string, error) {
	all, err := filepath.Glob("*.go")
	if err != nil {
		return nil, err
	}
	switch kind {
	case "sources":
		all = slices.DeleteFunc(all, isTest)
	case "tests":
		all = slices.DeleteFunc(all, func(name string) bool { return !isTest(name) || !aboutFace(name) })
	default:
		return nil, fmt.Errorf("want sources or tests, got %q", kind)
	}
	return slices.DeleteFunc(all, func(name string) bool { return slices.Contains(own, name) }), nil
}

func isTest(name string) bool { return strings.HasSuffix(name, "_test.go") }

// aboutRepository are the prefixes of test files that look at the sources and documents of the
// repository.
var aboutRepository = []string{"layers", "readme", "structure", "threats"}

func aboutFace(name string) bool {
	return !slices.ContainsFunc(aboutRepository, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
}
