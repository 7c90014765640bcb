package docs_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// root is the directory of the repository, from that of this package.
const root = ".."

// read returns the text of a file of the repository.
func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// files returns the paths of the repository's files with an extension, in some directories, without
// what npm has installed.
func files(t *testing.T, extension string, directories ...string) (paths []string) {
	t.Helper()
	for _, directory := range directories {
		err := filepath.WalkDir(filepath.Join(root, directory), func(path string, entry fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case entry.IsDir() && (entry.Name() == "node_modules" || entry.Name() == ".git" || entry.Name() == "testdata"):
				return fs.SkipDir
			case !entry.IsDir() && strings.HasSuffix(path, extension):
				relative, err := filepath.Rel(root, path)
				paths = append(paths, filepath.ToSlash(relative))
				return err
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return paths
}

// sources parses the Go files of directories that are no tests.
func sources(t *testing.T, directories ...string) (parsed []*ast.File) {
	t.Helper()
	for _, path := range files(t, ".go", directories...) {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, path), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		parsed = append(parsed, file)
	}
	return parsed
}

// text returns the value of an expression that is a string literal.
func text(e ast.Expr) (value string, ok bool) {
	literal, isLiteral := e.(*ast.BasicLit)
	if !isLiteral || literal.Kind != token.STRING {
		return "", false
	}
	value, err := strconv.Unquote(literal.Value)
	return value, err == nil
}
