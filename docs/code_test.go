package docs_test

import (
	"regexp"
	"strings"
	"testing"
)

// documents returns all Markdown files except the decision records and the changelog.
func documents(t *testing.T) []string {
	t.Helper()
	return files(t, ".md", ".")
}

var (
	goBlock  = regexp.MustCompile("(?s)```go\n(.*?)```")
	compiled = regexp.MustCompile(`(?s)// readme:start\n(.*?)// readme:end`)
	// omitted are lines of a marked region that no document shows.
	omitted = regexp.MustCompile(`(?m)^.*// readme:omit\n`)
)

// foreign are the beginnings of blocks that no module of the repository can compile, because they
// require a module that nothing else needs.
var foreign = []string{
	`client, err := azsecrets.NewClient(`, // github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azsecrets
	`_, err := item.Content().Get(`,       // the package drives of msgraph-sdk-go takes minutes to compile
	"import (\n\"github.com/prometheus/",  // github.com/prometheus/client_golang
}

// normal is code without its indentation.
func normal(code string) string {
	var lines []string
	for line := range strings.Lines(code) {
		lines = append(lines, strings.TrimSpace(line))
	}
	return strings.TrimSpace(strings.Join(lines, "\n"))
}

// The Go code of a document is that of a marked region, which is compiled and mostly run, and every
// marked region is shown.
func TestDocuments_CodeIsCompiledElsewhere(t *testing.T) {
	t.Parallel()
	regions := map[string]string{}
	for _, path := range files(t, ".go", ".") {
		if strings.HasPrefix(path, "docs/") {
			continue
		}
		for _, region := range compiled.FindAllStringSubmatch(read(t, path), -1) {
			code := normal(omitted.ReplaceAllString(region[1], ""))
			if regions[code] == "" { // v3 has copies
				regions[code] = path
			}
		}
	}
	shown := map[string]bool{}
	for _, document := range documents(t) {
		for _, block := range goBlock.FindAllStringSubmatch(read(t, document), -1) {
			code := normal(block[1])
			shown[code] = true
			if regions[code] == "" && !isForeign(code) {
				t.Errorf("%s: not compiled anywhere:\n%s", document, block[1])
			}
		}
	}
	for code, path := range regions {
		if !shown[code] && !strings.HasPrefix(path, "v3/") {
			t.Errorf("no document shows a region of %s:\n%s", path, code)
		}
	}
	if len(shown) < 30 {
		t.Errorf("found %d blocks", len(shown))
	}
}

func isForeign(code string) bool {
	for _, beginning := range foreign {
		if strings.HasPrefix(code, beginning) {
			return true
		}
	}
	return false
}
