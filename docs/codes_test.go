package docs_test

import (
	"go/ast"
	"maps"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// errorPackages are the directories whose code makes the library's errors.
var errorPackages = []string{"entra", "graph", "embedded", "internal"}

// kind is a kind of errors as the code declares it.
type kind struct {
	status  int
	message string
}

// kinds returns the kinds of errors by their code.
func kinds(t *testing.T) map[string]kind {
	t.Helper()
	found, english := map[string]kind{}, englishTexts(t)
	for _, file := range sources(t, errorPackages...) {
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CompositeLit: // &Kind{code, status, message}
				if isNamed(n.Type, "Kind") && len(n.Elts) == 3 {
					addKind(t, found, english, n.Elts)
				}
			case *ast.CallExpr: // autherr.NewKind(code, status, message)
				if isNamed(n.Fun, "NewKind") {
					addKind(t, found, english, n.Args)
				}
			}
			return true
		})
	}
	return found
}

func addKind(t *testing.T, found map[string]kind, english map[string]string, parts []ast.Expr) {
	t.Helper()
	code, hasCode := text(parts[0])
	status, hasStatus := parts[1].(*ast.SelectorExpr)
	message, hasMessage := parts[2].(*ast.SelectorExpr) // a key of internal/phrases
	if hasCode && hasStatus && hasMessage {
		found[code] = kind{statusNamed(t, status.Sel.Name), english[message.Sel.Name]}
	}
}

// englishTexts returns the English catalogue of internal/phrases by the names of its keys.
func englishTexts(t *testing.T) map[string]string {
	t.Helper()
	texts := map[string]string{}
	for _, file := range sources(t, "internal/phrases") {
		ast.Inspect(file, func(n ast.Node) bool {
			spec, isVariable := n.(*ast.ValueSpec)
			if !isVariable {
				return true
			}
			if spec.Names[0].Name != "english" {
				return false
			}
			for _, element := range spec.Values[0].(*ast.CompositeLit).Elts {
				pair := element.(*ast.KeyValueExpr)
				texts[pair.Key.(*ast.Ident).Name], _ = text(pair.Value)
			}
			return false
		})
	}
	return texts
}

// statusNamed returns the status that a constant of net/http names.
func statusNamed(t *testing.T, name string) int {
	t.Helper()
	for status := 100; status < 600; status++ {
		if plain := strings.NewReplacer(" ", "", "-", "").Replace(http.StatusText(status)); plain != "" && "Status"+plain == name {
			return status
		}
	}
	t.Fatalf("no status is called %s", name)
	return 0
}

// isNamed reports whether an expression is a name, with or without a package in front.
func isNamed(e ast.Expr, name string) bool {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name == name
	case *ast.SelectorExpr:
		return e.Sel.Name == name
	}
	return false
}

// aReason matches the format of reasons.
var aReason = regexp.MustCompile(`^[a-z][a-z_]+$`)

// makers are the functions whose first argument is the reason of an error, or whose second one is.
var makers = map[string]int{"New": 0, "Requiring": 0, "TryLater": 0, "newError": 1, "rejected": 1}

// reasons returns the reasons that the code gives its errors: literals, and the values of constants whose
// names begin with Reason or whose type is Reason.
func reasons(t *testing.T) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	add := func(e ast.Expr) {
		if reason, ok := text(e); ok && aReason.MatchString(reason) {
			found[reason] = true
		}
	}
	for _, file := range sources(t, errorPackages...) {
		ast.Inspect(file, func(n ast.Node) bool {
			addReasons(n, add)
			return true
		})
	}
	return found
}

// addReasons adds the reasons in a node, without those in its children.
func addReasons(n ast.Node, add func(ast.Expr)) {
	switch n := n.(type) {
	case *ast.CallExpr:
		addReasonOf(n, add)
	case *ast.AssignStmt: // reason := "…"
		for i, left := range n.Lhs {
			if isNamed(left, "reason") && len(n.Lhs) == len(n.Rhs) {
				add(n.Rhs[i])
			}
		}
	case *ast.FuncDecl: // which returns one
		if n.Name.Name == "unfinishable" {
			addReturned(n, add)
		}
	case *ast.ValueSpec:
		for i, name := range n.Names {
			if i < len(n.Values) && (strings.HasPrefix(name.Name, "Reason") || isNamed(n.Type, "Reason")) {
				add(n.Values[i])
			}
		}
	}
}

func addReasonOf(call *ast.CallExpr, add func(ast.Expr)) {
	for name, position := range makers {
		if isNamed(call.Fun, name) && position < len(call.Args) {
			add(call.Args[position])
		}
	}
}

func addReturned(function *ast.FuncDecl, add func(ast.Expr)) {
	ast.Inspect(function, func(n ast.Node) bool {
		if returned, ok := n.(*ast.ReturnStmt); ok && len(returned.Results) == 1 {
			add(returned.Results[0])
		}
		return true
	})
}

// rows returns the cells of a document's table rows whose first cell has code, under a heading.
func rows(t *testing.T, document, heading string) (found [][]string) {
	t.Helper()
	_, section, ok := strings.Cut(read(t, document), "\n"+heading+"\n")
	if !ok {
		t.Fatalf("%s has no %q", document, heading)
	}
	level, _, _ := strings.Cut(heading, " ")
	if end := regexp.MustCompile(`(?m)^#{1,` + strconv.Itoa(len(level)) + `} `).FindStringIndex(section); end != nil {
		section = section[:end[0]]
	}
	for line := range strings.Lines(section) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "| `") {
			found = append(found, strings.Split(strings.Trim(line, "|"), " | "))
		}
	}
	return found
}

// codes returns the codes in a cell.
func codes(cell string) (found []string) {
	for _, match := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cell, -1) {
		found = append(found, match[1])
	}
	return found
}

// compare reports documented items that do not exist, and existing items that are not documented.
func compare[V any](t *testing.T, what string, documented map[string]bool, existing map[string]V) {
	t.Helper()
	if len(existing) == 0 {
		t.Errorf("no %s was found in the code", what)
	}
	for _, name := range slices.Sorted(maps.Keys(existing)) {
		if !documented[name] {
			t.Errorf("the %s %q is not documented", what, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(documented)) {
		if _, exists := existing[name]; !exists {
			t.Errorf("the %s %q is documented and does not exist", what, name)
		}
	}
}

// The table of error codes has each code of the library, with its status and its sentence.
func TestErrors_TableHasEveryCode(t *testing.T) {
	t.Parallel()
	existing, documented := kinds(t), map[string]kind{}
	names := map[string]bool{}
	for _, row := range rows(t, "docs/errors.md", "## Codes") {
		status, _ := strconv.Atoi(strings.TrimSpace(row[1]))
		code := codes(row[0])[0]
		documented[code], names[code] = kind{status, strings.TrimSpace(row[2])}, true
	}
	compare(t, "code", names, existing)
	for code, want := range existing {
		if got := documented[code]; names[code] && !reflect.DeepEqual(got, want) {
			t.Errorf("%s is documented as %v, and is %v", code, got, want)
		}
	}
}

// The tables of reasons have each reason that the code gives an error.
func TestErrors_TablesHaveEveryReason(t *testing.T) {
	t.Parallel()
	documented := map[string]bool{}
	for _, row := range rows(t, "docs/errors.md", "## Reasons") {
		for _, reason := range codes(row[0]) {
			documented[reason] = true
		}
	}
	compare(t, "reason", documented, reasons(t))
}
