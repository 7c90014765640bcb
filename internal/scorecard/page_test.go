package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// go test ./internal/scorecard -update writes the kept page and chart.
var update = flag.Bool("update", false, "write what is compared")

// The page and the chart of kept results are the kept ones.
func TestPage_OfKeptResults(t *testing.T) {
	t.Parallel()
	r, err := load("testdata/results.json")
	if err != nil {
		t.Fatal(err)
	}
	model, err := os.ReadFile("testdata/model.md")
	if err != nil {
		t.Fatal(err)
	}
	var page, chart bytes.Buffer
	writePage(&page, r, string(model))
	writeChart(&chart, pairs(r.cards()))
	for name, got := range map[string][]byte{"testdata/page.md": page.Bytes(), "testdata/chart.svg": chart.Bytes()} {
		if *update {
			if err := os.WriteFile(name, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if want, err := os.ReadFile(name); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is another one (%v): look at it, and run with -update:\n%s", name, err, got)
		}
	}
	if !r.failed() {
		t.Error("a test, a mutant and a stage failed, and the results have not")
	}
	for decoder := xml.NewDecoder(&chart); ; {
		if _, err := decoder.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

// Nothing that was measured is no page without marks, but one that says so.
func TestPage_OfNothingSaysSo(t *testing.T) {
	t.Parallel()
	var page strings.Builder
	writePage(&page, &results{}, securityModel(t))
	for _, want := range []string{
		"**This run was not complete.** It left out: tests, e2e, naive, fuzz, mutants, supply.", "0 of 25 rows are kept; not measured: R1, ",
	} {
		if !strings.Contains(page.String(), want) {
			t.Errorf("%q is missing in\n%.2000s", want, page.String())
		}
	}
	if strings.Contains(page.String(), "scorecard.svg") {
		t.Error("it shows a chart of nothing")
	}
}

// docs/scorecard.md is the page of the results that are kept beside it.
func TestPage_InDocsIsThatOfItsResults(t *testing.T) {
	t.Parallel()
	docs := filepath.Join(repository, "docs")
	page, err := os.ReadFile(filepath.Join(docs, "scorecard.md"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := load(filepath.Join(docs, "scorecard.json"))
	if errors.Is(err, os.ErrNotExist) {
		if bytes.Contains(page, []byte("| R1 |")) {
			t.Error("the page has figures without results")
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	var want bytes.Buffer
	writePage(&want, r, securityModel(t))
	if !bytes.Equal(page, want.Bytes()) {
		t.Error("the page is another one: run `go run ./internal/scorecard -from docs/scorecard.json`")
	}
}

func TestCards_AreKeptMissedOrFailed(t *testing.T) {
	t.Parallel()
	passes := test{Package: ".", Name: "TestG3_X", Passed: 1}
	for name, row := range map[string]struct {
		r    results
		want verdict
	}{
		"nothing":             {results{}, notMeasured},
		"skipped":             {results{Tests: []test{{Package: ".", Name: "TestG3_X", Skipped: 1}}}, notMeasured},
		"passed":              {results{Tests: []test{passes}}, kept},
		"within the limit":    {results{Tests: []test{passes}, Figures: []measured{figureOf("R4", "p99 of x", "599ms")}}, kept},
		"beyond the limit":    {results{Tests: []test{passes}, Figures: []measured{figureOf("R4", "p99 of x", "20ms"), figureOf("R4", "p99 of x", "601ms")}}, missed},
		"failed":              {results{Tests: []test{passes, {Package: ".", Name: "TestG3_Y", Failed: 1}}}, failing},
		"failed in its place": {results{Tests: []test{passes, {Package: "e2e", Name: "TestG3_Y", Failed: 1}}}, kept},
	} {
		for _, c := range row.r.cards() {
			if c.id == "R4" && c.verdict != row.want {
				t.Errorf("%s: %s", name, c.verdict)
			}
		}
	}
}

// A row whose tests are in two places is kept if those of both passed.
func TestCards_OfWhichSomeTestsWereNotRunArePartlyMeasured(t *testing.T) {
	t.Parallel()
	r := results{Tests: []test{{Package: ".", Name: "TestG5_X", Passed: 1}}}
	for _, want := range []verdict{partly, kept} {
		for _, c := range r.cards() {
			if c.id == "R5" && c.verdict != want {
				t.Errorf("%v: %s", r.Tests, c.verdict)
			}
		}
		r.Tests = append(r.Tests, test{Package: endToEnd, Name: "TestG5_Y", Passed: 1})
	}
}

func figureOf(row, name, value string) (m measured) {
	m.Row, m.Name, m.Value, m.Package, m.Test = row, name, value, ".", "TestG3_X"
	return m
}
