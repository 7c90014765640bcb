package fibermsal_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The list of threats and the tests that carry their numbers are the same, in
// both directions and over all modules.
func TestThreats_ListAndTestsMatch(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("docs/security-model.md")
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]bool{}
	for _, row := range regexp.MustCompile(`(?m)^\| ([A-H][0-9]+) \|`).FindAllStringSubmatch(string(text), -1) {
		listed[row[1]] = true
	}
	tested := map[string]bool{}
	name := regexp.MustCompile(`(?m)^func Test([A-H][0-9]+)_`)
	err = filepath.WalkDir(".", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		for _, test := range name.FindAllStringSubmatch(string(source), -1) {
			tested[test[1]] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(listed) < 50 {
		t.Errorf("only %d threats listed", len(listed))
	}
	for row := range listed {
		if !tested[row] {
			t.Errorf("%s is listed but not tested", row)
		}
	}
	for row := range tested {
		if !listed[row] {
			t.Errorf("%s is tested but not listed", row)
		}
	}
}
