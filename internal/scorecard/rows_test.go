package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/fibermsal/fibermsal/internal/structure"
)

// repository is its root, from this directory.
const repository = "../.."

func securityModel(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(repository, "docs/security-model.md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// function is what a function of a test file does about figures.
type function struct {
	dir, name string
	rows      []string // of the figures that it reports
	reports   bool
	calls     []string
}

// functions parses the functions of the test files of the root's module and of e2e.
func functions(t *testing.T) (all []*function) {
	t.Helper()
	for _, module := range []string{".", endToEnd} {
		files, err := structure.TestFiles(filepath.Join(repository, module))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			all = append(all, declaredIn(t, path.Join(module, f.Dir), f.Source)...)
		}
	}
	for changed := true; changed; {
		changed = false
		for _, f := range all {
			if !f.reports && slices.ContainsFunc(all, func(other *function) bool {
				return other.reports && other.dir == f.dir && slices.Contains(f.calls, other.name)
			}) {
				f.reports, changed = true, true
			}
		}
	}
	return all
}

func declaredIn(t *testing.T, dir string, source []byte) (all []*function) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "", source, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range file.Decls {
		if declared, ok := d.(*ast.FuncDecl); ok {
			f := &function{dir: dir, name: declared.Name.Name}
			ast.Inspect(declared, f.look)
			all = append(all, f)
		}
	}
	return all
}

// look finds figures and calls.
func (f *function) look(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.CompositeLit:
		if s, ok := n.Type.(*ast.SelectorExpr); ok && s.Sel.Name == "Figure" {
			f.reports = true
			f.rows = append(f.rows, rowIn(n)...)
		}
	case *ast.CallExpr:
		switch called := n.Fun.(type) {
		case *ast.Ident:
			f.calls = append(f.calls, called.Name)
		case *ast.SelectorExpr:
			f.calls = append(f.calls, called.Sel.Name)
		}
	}
	return true
}

// rowIn returns the row of a figure, if it is a literal.
func rowIn(n *ast.CompositeLit) (rows []string) {
	for _, element := range n.Elts {
		pair, ok := element.(*ast.KeyValueExpr)
		if !ok {
			continue
		}
		key, isName := pair.Key.(*ast.Ident)
		value, isLiteral := pair.Value.(*ast.BasicLit)
		if isName && isLiteral && key.Name == "Row" {
			row, _ := strconv.Unquote(value.Value)
			rows = append(rows, row)
		}
	}
	return rows
}

// Each figure that a test reports is of a row of the scorecard or of a threat, and each row has figures.
func TestRows_AreThoseThatTestsReport(t *testing.T) {
	t.Parallel()
	known, reported := map[string]bool{}, map[string]bool{}
	for _, row := range rows {
		known[row.id] = true
	}
	for _, threat := range threatsOf(securityModel(t)) {
		known[threat.id] = true
	}
	for _, f := range functions(t) {
		for _, row := range f.rows {
			if reported[row] = true; !known[row] && f.dir != "internal/scorecard" {
				t.Errorf("%s in %s reports a figure of %s, which is no row", f.name, f.dir, row)
			}
		}
	}
	for _, row := range rows {
		if !reported[row.id] && row.command == "" {
			t.Errorf("no test reports a figure of %s", row.id)
		}
	}
}

// A row names tests that exist and are run.
func TestRows_NameTestsThatAreRun(t *testing.T) {
	t.Parallel()
	all, run := functions(t), regexp.MustCompile(wanted)
	for _, row := range rows {
		if len(row.tests) == 0 && row.command == "" {
			t.Errorf("%s has no tests", row.id)
		}
		for _, s := range row.tests {
			found := slices.ContainsFunc(all, func(f *function) bool { return s.matches(f.dir, f.name) && run.MatchString(f.name) })
			if !found {
				t.Errorf("%s: no test in %s begins with %s", row.id, s.dir, s.prefix)
			}
		}
		for _, l := range row.limits {
			if _, ok := amountOf(l.most); !ok {
				t.Errorf("%s: %q is no amount", row.id, l.most)
			}
		}
	}
}

// Every threat of the security model has a test that reports a figure, or a sentence that says why not.
func TestThreats_HaveAFigureOrASentence(t *testing.T) {
	t.Parallel()
	measured := map[string]bool{}
	for _, f := range functions(t) {
		if m := ofThreat.FindStringSubmatch(f.name); m != nil && f.reports {
			measured[m[1]] = true
		}
	}
	threats := threatsOf(securityModel(t))
	if len(threats) < 80 {
		t.Errorf("found %d threats", len(threats))
	}
	listed := map[string]bool{}
	for _, threat := range threats {
		listed[threat.id] = true
		if !measured[threat.id] && unmeasured[threat.id] == "" {
			t.Errorf("%s has neither a figure nor a sentence in unmeasured", threat.id)
		}
		if measured[threat.id] && unmeasured[threat.id] != "" {
			t.Errorf("%s has a figure, so its sentence in unmeasured can go", threat.id)
		}
	}
	for id := range unmeasured {
		if !listed[id] {
			t.Errorf("there is no threat %s", id)
		}
	}
}

// Every other promise of the document names what holds it, or why nothing can, and no entry is without a promise.
func TestPromises_AreHeld(t *testing.T) {
	t.Parallel()
	document := securityModel(t)
	used, ids := map[string]bool{}, map[string]bool{}
	for _, threat := range threatsOf(document) {
		ids[threat.id] = true
	}
	for _, row := range rows {
		ids[row.id] = true
	}
	sections := map[string]int{}
	for _, p := range promisesOf(document) {
		sections[p.section]++
		h, ok := holderOf(p)
		if !ok {
			t.Errorf("%s: nothing in holders is about %q", p.section, p.text)
		}
		used[h.begins] = true
		for _, id := range slices.Concat(h.threats, h.rows) {
			if !ids[id] {
				t.Errorf("%q is held by %s, which does not exist", p.text, id)
			}
		}
	}
	for _, h := range holders {
		if !used[h.begins] {
			t.Errorf("no promise begins with %q", h.begins)
		}
	}
	for section, least := range map[string]int{"In short": 6, "Who is trusted with what": 7, "Tokens of clients": 15, "What remains": 10} {
		if sections[section] < least {
			t.Errorf("%d promises in %q", sections[section], section)
		}
	}
	if n := sections[threatSection]; n != 0 || !strings.Contains(document, "\n## "+threatSection+"\n") {
		t.Errorf("%d promises in the table of threats", n)
	}
}
