package docs_test

import (
	"flag"
	"fmt"
	"go/ast"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// go test ./docs -run AADSTS -update writes the table of the numbers.
var update = flag.Bool("update", false, "write the tables that are made from the code")

const (
	aadstsStart = "<!-- aadsts:start: written by `go test ./docs -run AADSTS -update` -->\n"
	aadstsEnd   = "<!-- aadsts:end -->"
)

// subjects are descriptions of the classes of numbers for readers of the table.
var subjects = map[string]string{
	"Other": "", "UnknownTenant": "tenant", "UnknownApp": "app", "DisabledApp": "app", "WrongSecret": "secret", "ExpiredSecret": "secret",
	"UnregisteredCertificate": "certificate", "UnregisteredRedirectURI": "redirect URI", "InvalidScope": "scopes", "NotSignedIn": "session at Entra",
	"Unassigned": "account", "NotInTenant": "account", "Blocked": "policy", "Unusable": "account", "Declined": "consent", "NeedsApproval": "consent",
}

// number is one of Entra's error numbers with the library's advice.
type number struct {
	value           int
	subject, advice string
}

// numbers returns the table of internal/aadsts, in ascending order.
func numbers(t *testing.T) (found []number) {
	t.Helper()
	for _, file := range sources(t, "internal/aadsts") {
		ast.Inspect(file, func(n ast.Node) bool {
			if entry, ok := n.(*ast.KeyValueExpr); ok {
				if n, ok := numberOf(t, entry); ok {
					found = append(found, n)
				}
			}
			return true
		})
	}
	slices.SortFunc(found, func(a, b number) int { return a.value - b.value })
	return found
}

func numberOf(t *testing.T, entry *ast.KeyValueExpr) (n number, ok bool) {
	t.Helper()
	key, isNumber := entry.Key.(*ast.BasicLit)
	value, isMeaning := entry.Value.(*ast.CompositeLit)
	if !isNumber || key.Kind != token.INT || !isMeaning || len(value.Elts) != 2 {
		return number{}, false
	}
	n.value, _ = strconv.Atoi(key.Value)
	n.advice, ok = text(value.Elts[1])
	kind, isName := value.Elts[0].(*ast.Ident)
	if !isName {
		return number{}, false
	}
	subject, known := subjects[kind.Name]
	if !known {
		t.Errorf("what are numbers of the class %s about?", kind.Name)
	}
	n.subject = subject
	return n, ok
}

// The table of AADSTS numbers is that of the code.
func TestTroubleshooting_TableHasEveryAADSTSNumber(t *testing.T) {
	t.Parallel()
	const document = "docs/troubleshooting.md"
	page := read(t, document)
	before, rest, hasStart := strings.Cut(page, aadstsStart)
	table, after, hasEnd := strings.Cut(rest, aadstsEnd)
	if !hasStart || !hasEnd {
		t.Fatal("there is no place for the table")
	}
	var want strings.Builder
	want.WriteString("| AADSTS | about | what it means, and what to do |\n|---|---|---|\n")
	all := numbers(t)
	for _, n := range all {
		fmt.Fprintf(&want, "| %d | %s | %s |\n", n.value, n.subject, strings.ReplaceAll(n.advice, "|", `\|`))
	}
	switch {
	case len(all) < 50:
		t.Errorf("found %d numbers", len(all))
	case *update:
		page = before + aadstsStart + want.String() + aadstsEnd + after
		if err := os.WriteFile(filepath.Join(root, document), []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
	case table != want.String():
		t.Errorf("the table is not that of internal/aadsts: run `go test ./docs -run AADSTS -update`")
	}
}
