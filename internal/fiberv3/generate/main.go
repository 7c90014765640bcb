// Generate writes the files of the face for Fiber v3: the package with the argument "sources", and its
// tests, which are not committed, with "tests". It removes files whose original no longer exists. It
// must be run in the root of the repository.
package main

import (
	"fmt"
	"os"

	"github.com/fibermsal/fibermsal/internal/fiberv3"
	"github.com/fibermsal/fibermsal/internal/generated"
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
	tests := arguments[0] == "tests"
	return generated.Replace("v3", files, func(name string, content []byte) bool {
		return fiberv3.IsTest(name) == tests && fiberv3.IsGenerated(content)
	})
}
