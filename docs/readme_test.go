package docs_test

import (
	"regexp"
	"strings"
	"testing"
)

// maxWords is the maximum length of the README, which users read before they decide.
const maxWords = 1200

func TestReadme_IsShort(t *testing.T) {
	t.Parallel()
	if words := len(strings.Fields(read(t, "README.md"))); words >= maxWords {
		t.Errorf("README.md has %d words, and may have fewer than %d", words, maxWords)
	}
}

// Every page of docs is in the index, and so in the site's navigation.
func TestIndex_NamesEveryPage(t *testing.T) {
	t.Parallel()
	index := strings.Join(linksOf(read(t, "docs/README.md")), "\n") + "\n"
	for _, page := range files(t, ".md", "docs") {
		if name := strings.TrimPrefix(page, "docs/"); name != "README.md" && !strings.Contains(index, name) {
			t.Errorf("docs/README.md does not name %s", name)
		}
	}
}

// The table of variables in docs/configuration.md has each one that ConfigFromEnv reads.
func TestConfiguration_TableNamesEveryVariable(t *testing.T) {
	t.Parallel()
	existing, documented := map[string]bool{}, map[string]bool{}
	for _, row := range regexp.MustCompile(`(?m)^\t\{"([A-Z_]+)", "`).FindAllStringSubmatch(read(t, "entra/envvariables.go"), -1) {
		existing[row[1]] = true
	}
	for _, row := range rows(t, "docs/configuration.md", "## Environment") {
		for _, name := range codes(row[0]) {
			if regexp.MustCompile(`^[A-Z_]+$`).MatchString(name) {
				documented[strings.TrimPrefix(strings.TrimPrefix(name, "FIBERMSAL"), "_")] = true
			}
		}
	}
	compare(t, "variable", documented, existing)
}
