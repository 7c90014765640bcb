package fibermsal_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/fibermsal/fibermsal/internal/codeblock"
)

// The code in other languages in docs/emulator.md is part of the programs that `make clients` runs.
func TestEmulatorDocument_CodeIsThatOfTheClients(t *testing.T) {
	t.Parallel()
	run := map[string]bool{}
	marked := regexp.MustCompile(`(?ms)^\s*(?://|#) docs:start\n(.*?)^\s*(?://|#) docs:end$`)
	err := filepath.WalkDir("e2e/clients", func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			if entry != nil && entry.Name() == "node_modules" {
				return fs.SkipDir
			}
			return err
		}
		source, err := os.ReadFile(file)
		for _, region := range marked.FindAllStringSubmatch(string(source), -1) {
			run[codeblock.Normal(region[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	document, err := os.ReadFile("docs/emulator.md")
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]bool{}
	for _, block := range codeblock.Fenced(string(document), "js", "python") {
		shown[codeblock.Normal(block)] = true
		if !run[codeblock.Normal(block)] {
			t.Errorf("no client contains\n%s", block)
		}
	}
	for region := range run {
		if !shown[region] {
			t.Errorf("the document does not show\n%s", region)
		}
	}
	if len(run) == 0 {
		t.Error("no region is marked")
	}
}

// The list of what is served names every path below a tenant.
func TestEmulatorDocument_NamesEveryPath(t *testing.T) {
	t.Parallel()
	document, err := os.ReadFile("docs/emulator.md")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("entratest/router.go")
	if err != nil {
		t.Fatal(err)
	}
	paths := regexp.MustCompile(`(?m)^\s+"([a-z./0-9A-Z-]+)":\s+\{\w+, (?:true|false), p\.`).FindAllStringSubmatch(string(source), -1)
	if len(paths) < 10 {
		t.Errorf("found %d paths", len(paths))
	}
	for _, path := range paths {
		if path[1] != "login" && !strings.Contains(string(document), "/"+path[1]+"`") { // login is for forms of the pages
			t.Errorf("/{tenant}/%s is missing", path[1])
		}
	}
}

// The table of flags names every flag.
func TestEmulatorDocument_NamesEveryFlag(t *testing.T) {
	t.Parallel()
	document, err := os.ReadFile("docs/emulator.md")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("cmd/entra-emulator/flags.go")
	if err != nil {
		t.Fatal(err)
	}
	flags := regexp.MustCompile(`set\.(?:String|Bool)?Var\(&f\.\w+, "([a-z-]+)"`).FindAllStringSubmatch(string(source), -1)
	if len(flags) < 20 {
		t.Errorf("found %d flags", len(flags))
	}
	for _, flag := range flags {
		if !strings.Contains(string(document), "`-"+flag[1]) {
			t.Errorf("-%s is missing", flag[1])
		}
	}
}
