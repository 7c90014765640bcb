package fibermsal_test

import (
	"os"
	"regexp"
	"testing"
)

// Every field of Config is in the table of docs/configuration.md, with nothing else.
func TestReadme_TableNamesEveryField(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	inTable := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([A-Z][A-Za-z]+)` \\|").FindAllStringSubmatch(string(page), -1) {
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
