// Package supply lists the modules that packages depend on, with their licences, and writes bills of
// materials. It is for tests and for programs of this repository.
package supply

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// Module is a third-party module that some packages depend on.
type Module struct {
	Path, Version string
	Sum           string // as in go.sum
	// Direct reports whether a package of this repository imports it.
	Direct bool
	// Imports are the third-party modules that its packages import.
	Imports []string
	// Licences are the SPDX identifiers of the licences of its packages.
	Licences []string
}

// Modules is a list of modules, sorted by path.
type Modules []*Module

// packaged is a package as `go list` reports it.
type packaged struct {
	ImportPath, Dir string
	Standard        bool
	Module          *struct {
		Path, Version, Dir, Sum string
	}
	Imports []string
}

// List returns the third-party modules that packages of the module in a directory depend on. If tests
// is set, the dependencies of their tests are included. own is the prefix of the repository's own
// modules.
func List(ctx context.Context, dir, own string, tests bool, patterns ...string) (Modules, error) {
	packages, err := list(ctx, dir, tests, patterns)
	if err != nil {
		return nil, err
	}
	modules, moduleOf := map[string]*Module{}, map[string]string{}
	licences := map[string]map[string]bool{}
	for _, p := range packages {
		if p.Standard || p.Module == nil {
			continue
		}
		moduleOf[p.ImportPath] = p.Module.Path
		if isWithin(own, p.Module.Path) {
			continue
		}
		if modules[p.Module.Path] == nil {
			modules[p.Module.Path] = &Module{Path: p.Module.Path, Version: p.Module.Version, Sum: p.Module.Sum}
			licences[p.Module.Path] = map[string]bool{}
		}
		found, err := Licences(p.Module.Dir, p.Dir)
		if err != nil {
			return nil, err
		}
		for _, id := range found {
			licences[p.Module.Path][id] = true
		}
	}
	connect(packages, own, modules, moduleOf)
	sorted := make(Modules, 0, len(modules))
	for path, m := range modules {
		for id := range licences[path] {
			m.Licences = append(m.Licences, id)
		}
		slices.Sort(m.Licences)
		sorted = append(sorted, m)
	}
	slices.SortFunc(sorted, func(a, b *Module) int { return strings.Compare(a.Path, b.Path) })
	return sorted, nil
}

// connect sets the imports of each module.
func connect(packages []packaged, own string, modules map[string]*Module, moduleOf map[string]string) {
	for _, p := range packages {
		from := moduleOf[p.ImportPath]
		for _, path := range p.Imports {
			imported := modules[moduleOf[path]]
			switch {
			case imported == nil || from == imported.Path:
			case isWithin(own, from):
				imported.Direct = true
			case !slices.Contains(modules[from].Imports, imported.Path):
				modules[from].Imports = append(modules[from].Imports, imported.Path)
			}
		}
	}
	for _, m := range modules {
		slices.Sort(m.Imports)
	}
}

// list runs `go list` in the directory of a module.
func list(ctx context.Context, dir string, tests bool, patterns []string) ([]packaged, error) {
	args := []string{"list", "-deps", "-json=ImportPath,Dir,Standard,Module,Imports"}
	if tests {
		args = append(args, "-test")
	}
	command := exec.CommandContext(ctx, "go", append(args, patterns...)...) //nolint:gosec // the caller's packages
	command.Dir, command.Stderr = dir, os.Stderr
	out, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("go list in %s: %w", dir, err)
	}
	var packages []packaged
	decoder := json.NewDecoder(bytes.NewReader(out))
	for {
		var p packaged
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return packages, nil
		} else if err != nil {
			return nil, err
		}
		p.ImportPath, _, _ = strings.Cut(p.ImportPath, " ") // a variant for a test
		packages = append(packages, p)
	}
}

// isWithin reports whether path is parent, or is below it.
func isWithin(parent, path string) bool {
	return path == parent || strings.HasPrefix(path, parent+"/")
}

// Merge returns the modules of both lists. A module that is in both has the licences of both.
func (m Modules) Merge(others Modules) Modules {
	merged := slices.Clone(m)
	for _, other := range others {
		i := slices.IndexFunc(merged, func(known *Module) bool { return known.Path == other.Path && known.Version == other.Version })
		if i < 0 {
			merged = append(merged, other)
			continue
		}
		both := *merged[i]
		both.Direct = both.Direct || other.Direct
		both.Licences = union(both.Licences, other.Licences)
		both.Imports = union(both.Imports, other.Imports)
		merged[i] = &both
	}
	slices.SortFunc(merged, func(a, b *Module) int {
		return strings.Compare(a.Path+" "+a.Version, b.Path+" "+b.Version)
	})
	return merged
}

func union(a, b []string) []string {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}

// Find returns a module by its path, or nil.
func (m Modules) Find(path string) *Module {
	for _, module := range m {
		if module.Path == path {
			return module
		}
	}
	return nil
}

// Licence returns the SPDX expression of the module's licences.
func (m *Module) Licence() string { return strings.Join(m.Licences, " AND ") }
