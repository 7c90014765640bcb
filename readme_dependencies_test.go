package fibermsal_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/fibermsal/fibermsal/internal/supply"
)

// shipped are the packages whose dependencies an app or a command gets, by their names in
// docs/dependencies.md.
var shipped = []struct{ name, module, pattern string }{
	{"`fibermsal`", ".", "."},
	{"`v3`", "v3", "."},
	{"`entra`", ".", "./entra/..."},
	{"`graph`", ".", "./graph"},
	{"`embedded`", ".", "./embedded"},
	{"`entratest`", ".", "./entratest"},
	{"`cmd/fibermsal`", ".", "./cmd/fibermsal"},
	{"`cmd/entra-emulator`", ".", "./cmd/entra-emulator"},
}

// A module that the library begins to depend on needs a reason, and a licence that is allowed.
// FIBERMSAL_WRITE_DOCS=1 writes the tables, whose reasons are kept.
func TestDependenciesDocument_ListsWhatIsImported(t *testing.T) {
	t.Parallel()
	modules, users := dependencies(t)
	for _, m := range modules {
		if refused := m.Refused(); refused != nil {
			t.Errorf("%s has a licence that is not allowed: %v", m.Path, refused)
		}
	}
	compareDocument(t, "docs/dependencies.md", "direct", directTable(t, modules, users))
	compareDocument(t, "docs/dependencies.md", "indirect", indirectTable(modules, users))
}

// dependencies returns the modules by path, and which shipped packages need each.
func dependencies(t *testing.T) (all supply.Modules, users map[string][]string) {
	t.Helper()
	users = map[string][]string{}
	for _, p := range shipped {
		modules, err := supply.List(t.Context(), p.module, modulePath, false, p.pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range modules {
			users[m.Path] = append(users[m.Path], p.name)
			m.Version = "" // that of go.mod, which differs between the faces
		}
		all = all.Merge(modules)
	}
	return all, users
}

func directTable(t *testing.T, modules supply.Modules, users map[string][]string) string {
	t.Helper()
	reasons := reasonsIn(t)
	var out strings.Builder
	out.WriteString("| module | licence | in | why |\n|---|---|---|---|\n")
	for _, m := range modules {
		if !m.Direct {
			continue
		}
		if reasons[m.Path] == "" {
			t.Errorf("give a reason for %s", m.Path)
		}
		out.WriteString("| `" + m.Path + "` | " + m.Licence() + " | " + strings.Join(users[m.Path], ", ") + " | " + reasons[m.Path] + " |\n")
	}
	return out.String()
}

// reasonsIn returns the reasons of the document by module.
func reasonsIn(t *testing.T) map[string]string {
	t.Helper()
	document, err := os.ReadFile("docs/dependencies.md")
	if err != nil {
		t.Fatal(err)
	}
	reasons := map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\| [^|]* \\| [^|]* \\| *([^|]*?) *\\|$").FindAllStringSubmatch(string(document), -1) {
		reasons[row[1]] = row[2]
	}
	return reasons
}

func indirectTable(modules supply.Modules, users map[string][]string) string {
	var out strings.Builder
	out.WriteString("| module | licence | in | imported by |\n|---|---|---|---|\n")
	for _, m := range modules {
		if m.Direct {
			continue
		}
		var by []string
		for _, other := range modules {
			if slices.Contains(other.Imports, m.Path) {
				by = append(by, "`"+other.Path+"`")
			}
		}
		out.WriteString("| `" + m.Path + "` | " + m.Licence() + " | " + strings.Join(users[m.Path], ", ") + " | " + strings.Join(by, ", ") + " |\n")
	}
	return out.String()
}

// A tag can be moved to another commit, which the workflow would then run.
func TestDependenciesDocument_ActionsArePinned(t *testing.T) {
	t.Parallel()
	workflows, err := filepath.Glob(".github/workflows/*.yml")
	if err != nil {
		t.Fatal(err)
	}
	pinned := regexp.MustCompile(`^(\./|[^@]+@[0-9a-f]{40}$)`)
	for _, file := range workflows {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, used := range regexp.MustCompile(`(?m)^\s*-?\s*uses:\s*(\S+)`).FindAllStringSubmatch(string(content), -1) {
			if !pinned.MatchString(used[1]) {
				t.Errorf("%s: %s is not pinned by commit", file, used[1])
			}
		}
	}
}
