package docs_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/fibermsal/fibermsal/internal/codeblock"
)

// documents returns all Markdown files except the decision records and the changelog.
func documents(t *testing.T) []string {
	t.Helper()
	return files(t, ".md", ".")
}

var (
	compiled = regexp.MustCompile(`(?s)// readme:start\n(.*?)// readme:end`)
	// omitted are lines of the code that no document shows.
	omitted = regexp.MustCompile(`(?m)^.*// readme:(?:omit|start|end)\n`)
	// whole is a file without the comment at its beginning.
	whole = regexp.MustCompile(`(?ms)^package .*`)
)

// foreign are the beginnings of blocks that no module of the repository can compile, because they
// require a module that nothing else needs.
var foreign = []string{
	`client, err := azsecrets.NewClient(`, // github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azsecrets
	`_, err := item.Content().Get(`,       // the package drives of msgraph-sdk-go takes minutes to compile
	"import (\n\"github.com/prometheus/",  // github.com/prometheus/client_golang
}

// regionsAndFiles returns the marked regions of the sources, and the files of the examples, by their code.
func regionsAndFiles(t *testing.T) (regions, programs map[string]string) {
	t.Helper()
	regions, programs = map[string]string{}, map[string]string{}
	for _, path := range files(t, ".go", ".") {
		if strings.HasPrefix(path, "docs/") {
			continue
		}
		source := read(t, path)
		for _, region := range compiled.FindAllStringSubmatch(source, -1) {
			code := codeblock.Normal(omitted.ReplaceAllString(region[1], ""))
			if regions[code] == "" { // v3 has copies
				regions[code] = path
			}
		}
		if strings.Contains(path, "examples/") {
			programs[codeblock.Normal(omitted.ReplaceAllString(whole.FindString(source), ""))] = path
		}
	}
	return regions, programs
}

// The Go code of a document is that of a marked region, or of a file of an example: it is compiled, and mostly
// run. Every marked region is shown.
func TestDocuments_CodeIsCompiledElsewhere(t *testing.T) {
	t.Parallel()
	regions, programs := regionsAndFiles(t)
	shown := map[string]bool{}
	for _, document := range documents(t) {
		for _, block := range codeblock.Fenced(read(t, document), "go") {
			code := codeblock.Normal(block)
			shown[code] = true
			if regions[code] == "" && programs[code] == "" && !isForeign(code) {
				t.Errorf("%s: not compiled anywhere:\n%s", document, block)
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
