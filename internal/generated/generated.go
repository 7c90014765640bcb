// Package generated writes generated files, and removes those whose original no longer exists.
package generated

import (
	"os"
	"path/filepath"
)

// Replace writes files, which are given by name, into a directory. It removes the other Go files there
// for which isOwn returns true, because they were generated earlier.
func Replace(dir string, files map[string][]byte, isOwn func(name string, content []byte) bool) error {
	paths, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return err
	}
	for _, path := range paths {
		name := filepath.Base(path)
		if _, current := files[name]; current {
			continue
		}
		content, err := os.ReadFile(path) //nolint:gosec // a source of the repository
		if err != nil {
			return err
		}
		if !isOwn(name, content) {
			continue
		}
		if err := os.Remove(path); err != nil {
			return err
		}
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil { //nolint:gosec // sources are public
			return err
		}
	}
	return nil
}
