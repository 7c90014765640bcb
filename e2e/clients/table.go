package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
)

func printTable(out io.Writer, results []result) {
	fmt.Fprint(out, "\n", table(results), "\n")
	for _, r := range results {
		switch {
		case r.skipped != "":
			fmt.Fprintf(out, "LEFT OUT: %s: %s\n", r.name, r.skipped)
		case r.failure != "":
			fmt.Fprintf(out, "FAILED: %s after %q: %s\n", r.name, r.checks, r.failure)
		}
	}
}

func anyFailed(results []result) bool {
	for _, r := range results {
		if r.failure != "" {
			return true
		}
	}
	return false
}

// table is the results in Markdown.
func table(results []result) string {
	var out strings.Builder
	out.WriteString("| client | version | what it does at the emulator | |\n|---|---|---|---|\n")
	for _, r := range results {
		verdict := "works"
		switch {
		case r.skipped != "":
			verdict = "left out"
		case r.failure != "":
			verdict = "FAILS"
		}
		fmt.Fprintf(&out, "| %s | %s | %s | %s |\n", r.name, r.version, strings.Join(r.checks, "; "), verdict)
	}
	return out.String()
}

// The table is between these lines of the document.
const (
	startMark = "<!-- clients:start: written by `make clients` -->\n"
	endMark   = "<!-- clients:end -->\n"
)

// cut cuts the document at its marks.
func cut(document string) (before, within, after string, err error) {
	before, rest, started := strings.Cut(document, startMark)
	within, after, ended := strings.Cut(rest, endMark)
	if !started || !ended {
		return "", "", "", errors.New("the document has no marks for the table")
	}
	return before, within, after, nil
}

// writeTable puts the table into the document, if it is complete.
func writeTable(name string, results []result) error {
	for _, r := range results {
		if r.skipped != "" {
			return fmt.Errorf("%s is not changed, because %s was left out", name, r.name)
		}
	}
	document, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	before, _, after, err := cut(string(document))
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return os.WriteFile(name, []byte(before+startMark+table(results)+endMark+after), 0o644)
}

// checkTable returns an error if the document contains other results. Versions may differ, because
// Debian's versions do. Clients that were left out are not compared.
func checkTable(name string, results []result) error {
	document, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	_, within, _, err := cut(string(document))
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	documented := withoutVersions(within)
	if lines := strings.Count(within, "\n"); lines != len(results)+2 {
		return fmt.Errorf("%s has %d clients instead of %d: run `make clients`", name, lines-2, len(results))
	}
	for _, r := range results {
		if row := withoutVersions(table([]result{r})); r.skipped == "" && !strings.Contains(documented, lastLine(row)) {
			return fmt.Errorf("%s has another row for %s: run `make clients`", name, r.name)
		}
	}
	return nil
}

var secondColumn = regexp.MustCompile(`(?m)^(\| [^|]* \|)[^|]*\|`)

func withoutVersions(rows string) string { return secondColumn.ReplaceAllString(rows, "$1 |") }

func lastLine(text string) string {
	text = strings.TrimSuffix(text, "\n")
	return text[strings.LastIndexByte(text, '\n')+1:] + "\n"
}
