package structure_test

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/fibermsal/fibermsal/internal/structure"
)

// uses are the dependencies of each file of a package.
type uses map[string][]string

func TestUses(t *testing.T) {
	t.Parallel()
	for fixture, want := range map[string]uses{
		// of package-level names, methods and fields, also through local variables and
		// aliases; tests are not read
		"cycle": {
			"a.go": {"b.go"}, "b.go": {"c.go"}, "c.go": {"a.go", "d.go"}, "d.go": {"a.go"},
			"outside.go": {"a.go"}, "ping.go": {"pong.go"}, "pong.go": {"ping.go"},
		},
		// a method belongs to the file that declares it, whatever the type arguments are
		"generic": {
			"list.go": nil, "pair.go": nil, "length.go": {"list.go"},
			"use.go": {"length.go", "list.go", "pair.go"}, "field.go": {"pair.go"},
		},
		// the embedded fields on the way are used as well, and none beyond it
		"embedded": {
			"base.go": nil, "middle.go": {"base.go"}, "outer.go": {"middle.go"},
			"method.go": {"base.go", "middle.go", "outer.go"},
			"field.go":  {"base.go", "middle.go", "outer.go"},
			"named.go":  {"middle.go", "outer.go"},
		},
		// a call through an interface does not depend on an implementation
		"interface": {
			"door.go": nil, "oak.go": nil, "caller.go": {"door.go"}, "expression.go": {"door.go"},
			"maker.go": {"door.go", "oak.go"},
		},
		// imports are needed only for values whose type nothing else says
		"imports": {
			"local.go": nil, "closure.go": {"local.go"}, "generic.go": {"local.go"},
			"asserted.go": {"local.go"}, "skipped.go": {"closure.go"},
			"imported.go": nil, "shadowed.go": nil, "unknown.go": nil,
		},
		// the first of several declarations is the one that is used
		"systems": {
			"clock_linux.go": {"epoch.go"}, "clock_other.go": {"epoch.go"}, "epoch.go": nil,
			"use.go": {"clock_linux.go"},
		},
	} {
		t.Run(fixture, func(t *testing.T) {
			t.Parallel()
			got := uses{}
			for _, file := range scan(t, fixture).Files {
				got[file.Name] = file.Uses
			}
			if !maps.EqualFunc(got, want, equal) {
				t.Errorf("got  %v\nwant %v", got, want)
			}
		})
	}
}

func TestCycles(t *testing.T) {
	t.Parallel()
	for fixture, want := range map[string][][]string{
		"cycle":     {{"a.go", "b.go", "c.go", "d.go"}, {"ping.go", "pong.go"}},
		"embedded":  nil,
		"generic":   nil,
		"interface": nil,
		"module":    {{"module.go", "speed.go"}},
	} {
		t.Run(fixture, func(t *testing.T) {
			t.Parallel()
			if p := scan(t, fixture); !reflect.DeepEqual(p.Cycles, want) {
				t.Errorf("got %v, want %v", p.Cycles, want)
			}
		})
	}
}

func TestMethodsAndExportedNames(t *testing.T) {
	t.Parallel()
	for fixture, want := range map[string]struct {
		methods  map[string]int
		exported int
	}{
		"cycle":     {map[string]int{"third": 1}, 4},
		"generic":   {map[string]int{"list": 3, "pair": 1}, 0},
		"embedded":  {map[string]int{"base": 1}, 0}, // outer has none of its own
		"interface": {map[string]int{"oak": 1}, 0},
		"module":    {map[string]int{"Ship": 2}, 1},
	} {
		t.Run(fixture, func(t *testing.T) {
			t.Parallel()
			p := scan(t, fixture)
			if !maps.Equal(p.Methods, want.methods) {
				t.Errorf("methods %v, want %v", p.Methods, want.methods)
			}
			if p.Exported != want.exported {
				t.Errorf("%d exported names, want %d", p.Exported, want.exported)
			}
		})
	}
}

func TestLargest(t *testing.T) {
	t.Parallel()
	p := scan(t, "module")
	if name, methods := p.LargestType(); name != "Ship" || methods != 2 {
		t.Errorf("type %s with %d methods", name, methods)
	}
	if file := p.LongestFile(); file.Name != "module.go" || file.Lines != 10 {
		t.Errorf("file %s with %d lines", file.Name, file.Lines)
	}
	if function := p.LongestFunction(); function.Name != "Ship.knots" || function.Lines != 3 {
		t.Errorf("function %s with %d lines", function.Name, function.Lines)
	}
	if lines, functions := p.Lines(), len(p.Functions()); lines != 15 || functions != 3 {
		t.Errorf("%d lines, %d functions", lines, functions)
	}
	if cycle := p.LargestCycle(); len(cycle) != 2 {
		t.Errorf("cycle %v", cycle)
	}
}

// Without elements there is no largest one.
func TestLargest_OfAPackageWithoutFunctions(t *testing.T) {
	t.Parallel()
	p := scan(t, filepath.Join("module", "inner"))
	name, methods := p.LargestType()
	if function := p.LongestFunction(); name != "" || methods != 0 || function != (structure.Function{}) || p.LargestCycle() != nil {
		t.Errorf("type %s with %d methods, function %v, cycle %v", name, methods, function, p.LargestCycle())
	}
}

// Modules inside, testdata, and directories that the go command ignores are left out.
func TestModule(t *testing.T) {
	t.Parallel()
	packages, err := structure.Module(filepath.Join("testdata", "module"))
	if err != nil {
		t.Fatal(err)
	}
	var dirs []string
	for _, p := range packages {
		dirs = append(dirs, p.Dir)
	}
	if want := []string{".", "inner"}; !equal(dirs, want) {
		t.Errorf("got %v, want %v", dirs, want)
	}
}

func TestScan_Refuses(t *testing.T) {
	t.Parallel()
	empty, broken := t.TempDir(), t.TempDir()
	for dir, code := range map[string]string{empty: "package empty_test", broken: "package broken\n\nfunc {"} {
		name := map[string]string{empty: "only_test.go", broken: "broken.go"}[dir]
		if err := os.WriteFile(filepath.Join(dir, name), []byte(code), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := structure.Scan(empty); !errors.Is(err, structure.ErrNoFiles) {
		t.Errorf("only tests: %v", err)
	}
	if _, err := structure.Scan(broken); err == nil || errors.Is(err, structure.ErrNoFiles) {
		t.Errorf("a file that cannot be parsed: %v", err)
	}
	if _, err := structure.Scan(filepath.Join(empty, "absent")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no directory: %v", err)
	}
	if _, err := structure.Module(broken); err == nil {
		t.Error("a module with a file that cannot be parsed was measured")
	}
}

func scan(t *testing.T, fixture string) *structure.Package {
	t.Helper()
	p, err := structure.Scan(filepath.Join("testdata", fixture))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func equal(a, b []string) bool { return len(a) == 0 && len(b) == 0 || reflect.DeepEqual(a, b) }
