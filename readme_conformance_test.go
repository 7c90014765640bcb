package fibermsal_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// docs/conformance.md lists the tests that TestConformance_RelyingParty runs. `make conformance` writes
// it.
func TestConformanceDocument_IsMadeOfTheTests(t *testing.T) {
	t.Parallel()
	compareDocument(t, "docs/conformance.md", "plans", plansTable())
	compareDocument(t, "docs/conformance.md", "tests", conformanceTable())
	compareDocument(t, "docs/conformance.md", "others", inapplicableTable())
}

// A row that a test of another package asserts names one that exists.
func TestConformanceDocument_TestsElsewhereExist(t *testing.T) {
	t.Parallel()
	for _, row := range conformanceRows() {
		if row.elsewhere == "" {
			continue
		}
		dir, name, _ := strings.Cut(row.elsewhere, ".")
		files, err := filepath.Glob(dir + "/*_test.go")
		if err != nil {
			t.Fatal(err)
		}
		found := false
		for _, file := range files {
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			found = found || strings.Contains(string(source), "\nfunc "+name+"(")
		}
		if !found {
			t.Errorf("%s: there is no %s", row.id, row.elsewhere)
		}
	}
}

// compareDocument compares the named part of a document with what it should be, and writes it there if the
// environment has FIBERMSAL_WRITE_DOCS.
func compareDocument(t *testing.T, name, part, want string) {
	t.Helper()
	document, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	start, end := "<!-- "+part+":start -->\n", "<!-- "+part+":end -->"
	between := regexp.MustCompile(`(?s)` + regexp.QuoteMeta(start) + `.*?` + regexp.QuoteMeta(end))
	if got := between.FindString(string(document)); got == start+want+end {
		return
	}
	if os.Getenv("FIBERMSAL_WRITE_DOCS") == "" {
		t.Errorf("the part %q of %s is another one. It should be:\n%s", part, name, want)
		return
	}
	written := between.ReplaceAllLiteralString(string(document), start+want+end)
	if err := os.WriteFile(name, []byte(written), 0o644); err != nil {
		t.Fatal(err)
	}
}

func plansTable() string {
	verdicts := map[string]verdict{}
	for _, row := range conformanceRows() {
		verdicts[row.id] = row.verdict
	}
	columns := []verdict{passed, equivalent, stricter, deviating, inapplicable}
	var out strings.Builder
	out.WriteString("| plan | about |")
	for _, v := range columns {
		fmt.Fprintf(&out, " %s |", v)
	}
	out.WriteString("\n|---|---|" + strings.Repeat("---|", len(columns)) + "\n")
	for _, p := range suitePlans {
		counts := map[verdict]int{}
		for _, id := range p.ids() {
			counts[verdicts[id]]++
		}
		fmt.Fprintf(&out, "| `%s` | %s |", p.id, p.about)
		for _, v := range columns {
			fmt.Fprintf(&out, " %d |", counts[v])
		}
		out.WriteString("\n")
	}
	return out.String()
}

func conformanceTable() string {
	var out strings.Builder
	out.WriteString("| test | the provider | the app must | an app with this library | result |\n|---|---|---|---|---|\n")
	for _, row := range conformanceRows() {
		if row.run == nil && row.elsewhere == "" {
			continue
		}
		result := string(row.verdict)
		if row.remark != "" {
			result += ": " + row.remark
		}
		if row.formPostOnly {
			result += " (form_post only)"
		}
		fmt.Fprintf(&out, "| `%s` | %s | %s | %s | %s |\n", row.id, row.provider, row.must, row.does, result)
	}
	return out.String()
}

func inapplicableTable() string {
	var out strings.Builder
	out.WriteString("| test | why it is not applicable |\n|---|---|\n")
	for _, row := range conformanceRows() {
		if row.run == nil && row.elsewhere == "" {
			fmt.Fprintf(&out, "| `%s` | %s |\n", row.id, row.remark)
		}
	}
	return out.String()
}
