package docs_test

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	makeTarget = regexp.MustCompile("(?m)(?:`|^    (?:nice )?)make ([a-z][a-z0-9-]+)")
	goRun      = regexp.MustCompile(`(?:cd ([a-z0-9/-]+) && )?go run (?:-v |-tags emulator )?(\./[a-z0-9/-]+)`)
)

// Every `make target` and `go run ./directory` in a document exists.
func TestDocuments_CommandsExist(t *testing.T) {
	t.Parallel()
	targets := map[string]bool{}
	for _, rule := range regexp.MustCompile(`(?m)^([a-z][a-z0-9-]*):`).FindAllStringSubmatch(read(t, "Makefile"), -1) {
		targets[rule[1]] = true
	}
	found := 0
	for _, document := range documents(t) {
		text := read(t, document)
		for _, match := range makeTarget.FindAllStringSubmatch(text, -1) {
			found++
			if !targets[match[1]] {
				t.Errorf("%s: there is no target %s", document, match[1])
			}
		}
		for _, match := range goRun.FindAllStringSubmatch(text, -1) {
			found++
			if !isDirectory(match[1], match[2]) && !isDirectory(path.Dir(document), match[2]) && !isDirectory("bench", match[2]) && !isDirectory("v3", match[2]) {
				t.Errorf("%s: there is no %s", document, match[0])
			}
		}
	}
	if found < 20 {
		t.Errorf("found %d commands", found)
	}
}

func isDirectory(base, directory string) bool {
	info, err := os.Stat(filepath.Join(root, filepath.FromSlash(base), strings.TrimSuffix(directory, "/")))
	return err == nil && info.IsDir()
}
