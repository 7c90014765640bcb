package structure

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Module measures all packages of the module in a directory. They are sorted by their directories,
// which are relative to it. Nested modules are left out.
func Module(root string) ([]*Package, error) {
	var packages []*Package
	err := walk(root, func(dir, relative string) error {
		p, err := Scan(dir)
		if errors.Is(err, ErrNoFiles) {
			return nil
		}
		if err != nil {
			return err
		}
		p.Dir = relative
		packages = append(packages, p)
		return nil
	})
	return packages, err
}

// walk visits the directories of a module that can have packages. The second path is relative to the module.
func walk(root string, visit func(dir, relative string) error) error {
	return filepath.WalkDir(root, func(dir string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case !entry.IsDir():
			return nil
		case dir != root && isOutside(dir):
			return fs.SkipDir
		}
		relative, err := filepath.Rel(root, dir)
		if err != nil {
			return err
		}
		return visit(dir, filepath.ToSlash(relative))
	})
}

// Published returns the directories of the published modules of a repository, which are its root and,
// if it exists, v3.
func Published(root string) []string {
	modules := []string{root}
	if v3 := filepath.Join(root, "v3"); isModule(v3) {
		modules = append(modules, v3)
	}
	return modules
}

// isOutside reports whether the go command leaves a directory out of ./..., or it belongs to npm.
func isOutside(dir string) bool {
	name := filepath.Base(dir)
	if name == "testdata" || name == "vendor" || name == "node_modules" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") {
		return true
	}
	return isModule(dir)
}

func isModule(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "go.mod"))
	return err == nil
}
