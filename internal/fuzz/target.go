package main

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// target is a function that is fuzzed, with the directory of its package.
type target struct{ dir, name string }

var declaration = regexp.MustCompile(`(?m)^func (Fuzz\w+)\(f \*testing\.F\)`)

// elsewhere are directories without targets of their own: other modules, and the face for net/http, which has the tests
// of the root.
var elsewhere = []string{"v3", "internal/nethttpface", "bench", "examples", "docs", "e2e", ".git", "bin"}

// targets returns the targets of a module.
func targets(root string) (all []target, err error) {
	err = filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		path, err := filepath.Rel(root, name)
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (slices.Contains(elsewhere, filepath.ToSlash(path)) || entry.Name() == "testdata"):
			return fs.SkipDir
		case entry.IsDir() || !strings.HasSuffix(path, "_test.go"):
			return nil
		}
		source, err := os.ReadFile(name) //nolint:gosec // of this repository
		for _, found := range declaration.FindAllSubmatch(source, -1) {
			all = append(all, target{filepath.ToSlash(filepath.Dir(path)), string(found[1])})
		}
		return err
	})
	return all, err
}

// enough is how often a target is run if its kept inputs take all the time that it has.
const enough = "1000x"

// fuzz runs a target and returns what go test prints.
func (t target) fuzz(ctx context.Context, o options) (output []byte, err error) {
	output, err = t.run(ctx, o, o.time)
	if err == nil && executions(output) == 0 {
		return t.run(ctx, o, enough)
	}
	return output, err
}

func (t target) run(ctx context.Context, o options, time string) (output []byte, err error) {
	cmd := exec.CommandContext(ctx, o.goTool, "test", "-run", "^$", "-fuzz", "^"+t.name+"$", //nolint:gosec // of this module
		"-fuzztime", time, "-fuzzminimizetime", "10x", "./"+t.dir)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	var all bytes.Buffer
	cmd.Stdout, cmd.Stderr = &all, &all
	err = cmd.Run()
	return all.Bytes(), err
}
