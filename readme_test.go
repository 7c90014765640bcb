package fibermsal_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// The Go code of a README is code that is compiled, and mostly run, elsewhere.
func TestReadme_CodeIsCompiledElsewhere(t *testing.T) {
	t.Parallel()
	for readme, files := range map[string][]string{
		"README.md":       {"example_test.go", "examples/minimal/main.go"},
		"v3/README.md":    {"v3/example_test.go", "v3/examples/minimal/main.go"},
		"docs/recipes.md": {"example_recipes_test.go"},
		"docs/apis.md":    {"example_apis_test.go", "examples/api/api.go", "bench/migration/before/main.go", "bench/migration/after/main.go"},
	} {
		t.Run(readme, func(t *testing.T) {
			t.Parallel()
			checkCode(t, readme, files)
		})
	}
}

// omitted are lines of a marked region that the README does not show.
var omitted = regexp.MustCompile(`(?m)^.*// readme:omit\n`)

// checkCode compares the blocks of Go code in a README with the marked regions of files.
func checkCode(t *testing.T, document string, files []string) {
	t.Helper()
	compiled := map[string]bool{}
	marked := regexp.MustCompile(`(?s)// readme:start\n(.*?)// readme:end`)
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, region := range marked.FindAllStringSubmatch(string(source), -1) {
			compiled[normal(omitted.ReplaceAllString(region[1], ""))] = true
		}
	}
	readme, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(string(readme), -1)
	if len(blocks) < len(compiled) || len(blocks) == 0 {
		t.Errorf("%d blocks in %s, %d marked regions", len(blocks), document, len(compiled))
	}
	for _, block := range blocks {
		if !compiled[normal(block[1])] {
			t.Errorf("not compiled anywhere:\n%s", block[1])
		}
	}
}

// normal is code without its indentation.
func normal(code string) string {
	var lines []string
	for line := range strings.Lines(code) {
		lines = append(lines, strings.TrimSpace(line))
	}
	return strings.TrimSpace(strings.Join(lines, "\n"))
}

// Every field of Config is in the README's table, with nothing else.
func TestReadme_TableNamesEveryField(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	inTable := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([A-Z][A-Za-z]+)` \\|").FindAllStringSubmatch(string(readme), -1) {
		inTable[row[1]] = true
	}
	for _, field := range configFields() {
		if !inTable[field] {
			t.Errorf("%s is not in the table", field)
		}
		delete(inTable, field)
	}
	for field := range inTable {
		t.Errorf("%s is in the table but not in Config", field)
	}
}
