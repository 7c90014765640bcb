package structure

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
)

// TestFile is a test file with the directory of its package.
type TestFile struct {
	// Dir is relative to the module.
	Dir    string
	Source []byte
}

// TestFiles returns the test files of the module in a directory, sorted by their directories. Those of nested modules
// are left out, and so are generated ones, because the tests that they are made of are among the others.
func TestFiles(root string) (files []TestFile, err error) {
	err = walk(root, func(dir, relative string) error {
		names, err := fs.Glob(os.DirFS(dir), "*_test.go")
		for _, name := range names {
			source, err := os.ReadFile(filepath.Join(dir, name)) //nolint:gosec // of this repository
			if err != nil {
				return err
			}
			if !bytes.HasPrefix(source, []byte("// Code generated ")) {
				files = append(files, TestFile{relative, source})
			}
		}
		return err
	})
	return files, err
}

// FuzzTarget is a function that go test can fuzz.
type FuzzTarget struct {
	// Dir is the directory of its package, relative to the module.
	Dir  string
	Name string
}

var fuzzTarget = regexp.MustCompile(`(?m)^func (Fuzz\w+)\(\w+ \*testing\.F\)`)

// FuzzTargets returns the fuzz targets of the module in a directory.
func FuzzTargets(root string) (targets []FuzzTarget, err error) {
	files, err := TestFiles(root)
	for _, file := range files {
		for _, declared := range fuzzTarget.FindAllSubmatch(file.Source, -1) {
			targets = append(targets, FuzzTarget{file.Dir, string(declared[1])})
		}
	}
	return targets, err
}
