package main

import (
	"bytes"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// sources calls a function with every test file of the root's module and of e2e that is not made of another: the
// faces for Fiber v3 and net/http have the tests of the root.
func sources(root string, visit func(dir string, source []byte)) error {
	return filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		dir, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		dir = filepath.ToSlash(dir)
		if entry.IsDir() {
			if slices.Contains([]string{"v3", "internal/nethttpface", "bench", "examples", "docs", endToEnd + "/clients", ".git", "bin"}, dir) || entry.Name() == "node_modules" || entry.Name() == "testdata" {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(dir, "_test.go") {
			return nil
		}
		source, err := os.ReadFile(name)
		if err != nil || bytes.HasPrefix(source, []byte("// Code generated")) {
			return err
		}
		visit(filepath.ToSlash(filepath.Dir(dir)), source)
		return nil
	})
}

// packagesWith returns the directories whose test files match, so that no other package has to be compiled.
func packagesWith(root string, declared *regexp.Regexp) (dirs []string, err error) {
	found := map[string]bool{}
	err = sources(root, func(dir string, source []byte) {
		if declared.Match(source) {
			found[dir] = true
		}
	})
	return slices.Sorted(maps.Keys(found)), err
}

var wantedTests = regexp.MustCompile(`(?m)^func ` + strings.TrimPrefix(strings.ReplaceAll(wanted, "$", `\(`), "^"))

// testPackages returns the packages that have wanted tests, and whether they are those of e2e.
func testPackages(root string, ofEndToEnd bool) (patterns []string, err error) {
	dirs, err := packagesWith(root, wantedTests)
	for _, dir := range dirs {
		switch {
		case dir == naiveDir || (dir == endToEnd) != ofEndToEnd:
		case dir == "." || dir == endToEnd:
			patterns = append(patterns, ".")
		default:
			patterns = append(patterns, "./"+dir)
		}
	}
	return patterns, err
}
