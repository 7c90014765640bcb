package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func document(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "doc.md")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func results(changes ...func([]result)) []result {
	out := []result{
		{client: client{name: "One"}, version: "1.0", checks: []string{"sign-in", "renewal"}},
		{client: client{name: "Two"}, version: "2.0", checks: []string{"sign-in"}},
	}
	for _, change := range changes {
		change(out)
	}
	return out
}

func TestTable_IsWrittenBetweenTheMarksAndChecked(t *testing.T) {
	t.Parallel()
	name := document(t, "before\n"+startMark+"old\n"+endMark+"after\n")
	if err := checkTable(name, results()); err == nil {
		t.Error("an old table passes")
	}
	if err := writeTable(name, results()); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(name)
	if err != nil || !strings.HasPrefix(string(text), "before\n"+startMark+"| client |") || !strings.HasSuffix(string(text), "| Two | 2.0 | sign-in | works |\n"+endMark+"after\n") {
		t.Errorf("%v\n%s", err, text)
	}
	for name, row := range map[string]struct {
		change func([]result)
		passes bool
	}{
		"the same":           {func([]result) {}, true},
		"another version":    {func(r []result) { r[0].version = "1.1" }, true},
		"left out":           {func(r []result) { r[0] = result{client: r[0].client, skipped: "not here"} }, true},
		"another check":      {func(r []result) { r[0].checks[1] = "sign-out" }, false},
		"a failure":          {func(r []result) { r[0].failure = "broken" }, false},
		"another client":     {func(r []result) { r[1].name = "Three" }, false},
		"another's checks":   {func(r []result) { r[0].checks = r[1].checks }, false},
		"a check is missing": {func(r []result) { r[0].checks = r[0].checks[:1] }, false},
	} {
		file := document(t, string(text))
		if err := checkTable(file, results(row.change)); (err == nil) != row.passes {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := checkTable(name, results()[:1]); err == nil {
		t.Error("a client that is gone passes")
	}
	if err := writeTable(name, results(func(r []result) { r[0].skipped = "not here" })); err == nil {
		t.Error("an incomplete table is written")
	}
	if err := writeTable(document(t, "no marks"), results()); err == nil {
		t.Error("a document without marks is written")
	}
}

func TestRead_ReadsAReport(t *testing.T) {
	t.Parallel()
	r := result{client: client{language: golang}}
	r.read("version 1.2.3\nok sign-in with PKCE\nnoise\nok renewal\n")
	if r.version != "1.2.3" || len(r.checks) != 2 || r.checks[0] != "sign-in with PKCE" {
		t.Errorf("%+v", r)
	}
	if !anyFailed([]result{{}, {failure: "x"}}) || anyFailed([]result{{}, {skipped: "x"}}) {
		t.Error("failures are not told from what is left out")
	}
}
