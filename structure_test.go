package fibermsal_test

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/fibermsal/fibermsal/internal/structure"
)

// The limits of all packages. `make structure` prints the figures.
const (
	mostFilesInACycle = 3
	mostMethods       = 40
	mostLines         = 350
)

// exception contains the figures of a package that may exceed the limits.
type exception struct {
	cycle   int            // files in cycles that are too large
	methods map[string]int // by type
	lines   map[string]int // by file
}

// exceptions are older than the limits. No exception may grow, and those that are no longer needed have
// to be removed.
var exceptions = map[string]exception{}

// Files that depend on each other can only be read together, and so can the methods
// of one type.
func TestStructure_FilesTypesAndCyclesStaySmall(t *testing.T) {
	t.Parallel()
	measured := map[string]bool{}
	for _, module := range structure.Published(".") {
		packages, err := structure.Module(module)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range packages {
			dir := path.Join(module, p.Dir)
			measured[dir] = true
			t.Run(dir, func(t *testing.T) {
				t.Parallel()
				checkFigures(t, p, exceptions[dir])
			})
		}
	}
	for dir := range exceptions {
		if !measured[dir] {
			t.Errorf("there is no package %s: remove its exceptions", dir)
		}
	}
}

func checkFigures(t *testing.T, p *structure.Package, allowed exception) {
	t.Helper()
	files := tangled(p)
	if fault := fault(len(files), mostFilesInACycle, allowed.cycle); fault != "" {
		t.Errorf("files that depend on each other: %s %s", fault, strings.Join(files, " "))
	}
	lines := map[string]int{}
	for _, file := range p.Files {
		lines[file.Name] = file.Lines
	}
	checkEach(t, "methods", p.Methods, mostMethods, allowed.methods)
	checkEach(t, "lines", lines, mostLines, allowed.lines)
}

// tangled lists the files of all cycles that are too large, so that one cycle cannot hide another.
func tangled(p *structure.Package) []string {
	var files []string
	for _, cycle := range p.Cycles {
		if len(cycle) > mostFilesInACycle {
			files = append(files, cycle...)
		}
	}
	return files
}

func checkEach(t *testing.T, unit string, figures map[string]int, limit int, allowed map[string]int) {
	t.Helper()
	names := maps.Clone(figures)
	maps.Copy(names, allowed) // of what is gone as well
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if fault := fault(figures[name], limit, allowed[name]); fault != "" {
			t.Errorf("%s of %s: %s", unit, name, fault)
		}
	}
}

// fault describes how a figure exceeds its limit or its exception, which is 0 if there is none.
func fault(figure, limit, allowed int) string {
	switch {
	case allowed > 0 && figure <= limit:
		return fmt.Sprintf("%d are within the limit of %d: remove the exception", figure, limit)
	case allowed > 0 && figure > allowed:
		return fmt.Sprintf("%d are more than the %d of the exception, which can only shrink", figure, allowed)
	case allowed == 0 && figure > limit:
		return fmt.Sprintf("%d are more than %d", figure, limit)
	default:
		return ""
	}
}

func TestStructure_ExceptionsCanOnlyShrink(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		figure, limit, allowed int
		want                   string
	}{
		{40, 40, 0, ""},
		{41, 40, 0, "41 are more than 40"},
		{50, 40, 50, ""},
		{49, 40, 50, ""},
		{51, 40, 50, "51 are more than the 50 of the exception, which can only shrink"},
		{40, 40, 50, "40 are within the limit of 40: remove the exception"},
		{0, 40, 50, "0 are within the limit of 40: remove the exception"},
		{41, 40, 39, "41 are more than the 39 of the exception, which can only shrink"},
	} {
		if got := fault(row.figure, row.limit, row.allowed); got != row.want {
			t.Errorf("figure %d, limit %d, exception %d: %q, want %q", row.figure, row.limit, row.allowed, got, row.want)
		}
	}
}
