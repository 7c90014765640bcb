package structure

import (
	"bytes"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"strings"
)

// ErrNoFiles reports a directory without non-test Go files.
var ErrNoFiles = errors.New("structure: no Go files")

// source is a file that has been parsed.
type source struct {
	name   string
	lines  int
	syntax *ast.File
}

// parse reads the non-test files of a directory, sorted by name.
func parse(fset *token.FileSet, dir string) ([]source, error) {
	files := os.DirFS(dir)
	entries, err := fs.ReadDir(files, ".")
	if err != nil {
		return nil, err
	}
	var sources []source
	for _, entry := range entries {
		if entry.IsDir() || !isSource(entry.Name()) {
			continue
		}
		code, err := fs.ReadFile(files, entry.Name())
		if err != nil {
			return nil, err
		}
		syntax, err := parser.ParseFile(fset, entry.Name(), code, parser.SkipObjectResolution)
		if err != nil {
			return nil, fmt.Errorf("structure: %s: %w", dir, err)
		}
		sources = append(sources, source{entry.Name(), bytes.Count(code, []byte("\n")), syntax})
	}
	if len(sources) == 0 {
		return nil, fmt.Errorf("%w in %s", ErrNoFiles, dir)
	}
	return sources, nil
}

// isSource reports whether, judging by its name, a file is part of the package on any system.
func isSource(name string) bool {
	return strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go") &&
		!strings.HasPrefix(name, ".") && !strings.HasPrefix(name, "_")
}
