// Generate writes the tests of the face for net/http, which are not committed, from those of the face
// for Fiber v2. It must be run in the root of the repository.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/fibermsal/fibermsal/internal/generated"
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
	files, used := map[string][]byte{}, map[string]bool{}
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
		if files[name], err = translate(name, string(source)); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	for _, l := range leftOut {
		if !used[l.prefix] {
			return fmt.Errorf("no test file begins with %q: it need not be left out", l.prefix)
		}
	}
	return generated.Replace(target, files, func(_ string, content []byte) bool { return strings.HasPrefix(string(content), header) })
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
