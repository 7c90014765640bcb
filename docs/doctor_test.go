package docs_test

import (
	"go/ast"
	"go/token"
	"testing"
)

const uncheckedSuffix = "_unchecked"

// findingMakers are the functions of the doctor that take the code of a finding, and what they add to it.
var findingMakers = map[string]string{"ok": "", "unchecked": uncheckedSuffix, "unreported": uncheckedSuffix, "inTime": uncheckedSuffix, "check": uncheckedSuffix}

// findings returns the codes of the doctor's findings.
func findings(t *testing.T) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	for _, file := range sources(t, "entra/doctor") {
		ast.Inspect(file, func(n ast.Node) bool {
			addFindings(n, found)
			return true
		})
	}
	return found
}

// addFindings adds the codes in a node, without those in its children.
func addFindings(n ast.Node, found map[string]bool) {
	switch n := n.(type) {
	case *ast.KeyValueExpr:
		if isNamed(n.Key, "Code") {
			addFinding(n.Value, "", found)
		}
	case *ast.AssignStmt: // f.Code, f.What = "…", "…"
		for i, left := range n.Lhs {
			if isNamed(left, "Code") && i < len(n.Rhs) {
				addFinding(n.Rhs[i], "", found)
			}
		}
	case *ast.CallExpr:
		for name, suffix := range findingMakers {
			if isNamed(n.Fun, name) {
				addFirst(n.Args, suffix, found)
			}
		}
	case *ast.ValueSpec: // refusalCodes
		if n.Names[0].Name == "refusalCodes" {
			for _, entry := range n.Values[0].(*ast.CompositeLit).Elts {
				addFinding(entry.(*ast.KeyValueExpr).Value, "", found)
			}
		}
	}
}

// addFirst adds the first argument of a call that is text.
func addFirst(arguments []ast.Expr, suffix string, found map[string]bool) {
	for _, argument := range arguments {
		if _, isText := text(argument); isText {
			addFinding(argument, suffix, found)
			return
		}
	}
}

func addFinding(e ast.Expr, suffix string, found map[string]bool) {
	if sum, isSum := e.(*ast.BinaryExpr); isSum && sum.Op == token.ADD && isNamed(sum.Y, "uncheckedSuffix") {
		e, suffix = sum.X, uncheckedSuffix
	}
	if code, ok := text(e); ok && aReason.MatchString(code) {
		found[code+suffix] = true
	}
}

// The table of the doctor's findings has each code.
func TestDoctor_TableHasEveryCode(t *testing.T) {
	t.Parallel()
	documented := map[string]bool{}
	for _, row := range rows(t, "docs/errors.md", "## Findings of the doctor") {
		for _, code := range codes(row[0]) {
			documented[code] = true
		}
	}
	compare(t, "finding", documented, findings(t))
}
