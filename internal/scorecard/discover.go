package main

import (
	"regexp"
	"slices"
	"strings"

	"github.com/fibermsal/fibermsal/internal/structure"
)

// leftOut are packages with wanted tests that the stage of tests does not run: it has a stage of its own, it repeats
// tests of the root, or it shows how an example works.
var leftOut = []string{naiveDir, "internal/nethttpface", "examples/api"}

var wantedTests = regexp.MustCompile(`(?m)^func ` + strings.TrimPrefix(strings.ReplaceAll(wanted, "$", `\(`), "^"))

// testPackages returns the packages that have wanted tests, so that no other has to be compiled.
func testPackages(root string) (patterns []string, err error) {
	files, err := structure.TestFiles(root)
	for _, file := range files {
		if wantedTests.Match(file.Source) && !slices.Contains(leftOut, file.Dir) {
			patterns = append(patterns, strings.TrimSuffix("./"+file.Dir, "/."))
		}
	}
	return slices.Compact(patterns), err
}
