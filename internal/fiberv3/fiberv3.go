// Package fiberv3 generates the files of the face for Fiber v3 from those of the face for Fiber v2.
package fiberv3

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Own lists the files that v3 has its own version of, so that they are not generated.
var Own = []string{"fiber.go", "fiber_harness_test.go", "example_test.go"}

// aboutRepository lists the prefixes of test files that check the sources and documents of the
// repository.
var aboutRepository = []string{"faces", "layers", "readme", "structure", "threats"}

// Sources returns the content of the package's generated files by name. They are generated from the
// files in the root of the repository.
func Sources(root string) (map[string][]byte, error) {
	return translateAll(root, func(name string) bool { return !IsTest(name) })
}

// onlyV3 is the directory of tests for features that Fiber v2 does not have. They use the generated
// tests, so they are copied together with them and are not part of the package before.
const onlyV3 = "internal/fiberv3/testdata"

// Tests returns the content of the package's generated tests by name.
func Tests(root string) (map[string][]byte, error) {
	return translateAll(root, func(name string) bool { return IsTest(name) && isAboutFace(name) }, onlyV3)
}

// translateAll translates the selected files of the root and of directories in it.
func translateAll(root string, selected func(name string) bool, more ...string) (map[string][]byte, error) {
	var paths []string
	for _, dir := range append([]string{"."}, more...) {
		found, err := filepath.Glob(filepath.Join(root, dir, "*.go"))
		if err != nil {
			return nil, err
		}
		paths = append(paths, found...)
	}
	files := make(map[string][]byte)
	for _, path := range paths {
		name := filepath.Base(path)
		if slices.Contains(Own, name) || !selected(name) {
			continue
		}
		source, err := os.ReadFile(path) //nolint:gosec // a source of the repository
		if err != nil {
			return nil, err
		}
		if files[name], err = translate(name, source); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return files, nil
}

// IsTest reports whether a file belongs to the tests of its package.
func IsTest(name string) bool { return strings.HasSuffix(name, "_test.go") }

func isAboutFace(name string) bool {
	return !slices.ContainsFunc(aboutRepository, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
}
