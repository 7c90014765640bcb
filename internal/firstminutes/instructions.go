package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fibermsal/fibermsal/internal/codeblock"
)

// The documents that are followed.
const (
	startPage = "docs/getting-started.md"
	testPage  = "docs/testing.md"
)

const (
	fiberV2 = "Fiber v2"
	fiberV3 = "Fiber v3"
)

// instructions are what the documents tell the newcomer to type.
type instructions struct {
	clone, example       string // commands
	create, replace, get string
	emulator, run        string
	test                 string
	program, firstTest   string // main.go, main_test.go
}

// commandsOf are the beginnings of the commands for a version of Fiber, which identify them in the documents.
var commandsOf = map[string]struct{ example, get string }{
	fiberV2: {"go run -v ./examples/fiber-app", "go get github.com/fibermsal/fibermsal/graph"},
	fiberV3: {"cd v3 && go run -v ./examples/fiber-app", "go get github.com/fibermsal/fibermsal/v3"},
}

const (
	publishedClone = "https://github.com/fibermsal/fibermsal"
	// pathOfClone is what the documents say for the directory of a clone.
	pathOfClone       = "/path/to/the/clone"
	publishedEmulator = "github.com/fibermsal/fibermsal/cmd/entra-emulator@latest"
)

// read returns the instructions of the documents in a repository.
func read(repository, version string) (instructions, error) {
	start, err := open(repository, startPage)
	if err != nil {
		return instructions{}, err
	}
	test, err := open(repository, testPage)
	if err != nil {
		return instructions{}, err
	}
	guide := instructions{
		clone:     start.command("git clone " + publishedClone),
		example:   start.command(commandsOf[version].example),
		create:    start.command("go mod init"),
		replace:   start.command("go mod edit"),
		get:       start.command(commandsOf[version].get),
		emulator:  start.command("go run " + publishedEmulator),
		run:       start.command("go run -v ."),
		program:   start.code(version, "func main()"),
		firstTest: test.code(version, "func Test"),
		test:      test.command("go test"),
	}
	return guide, errors.Join(start.lacks, test.lacks)
}

// document is a page, and what it lacks.
type document struct {
	name, text string
	lacks      error
}

func open(repository, name string) (*document, error) {
	text, err := os.ReadFile(filepath.Join(repository, filepath.FromSlash(name)))
	return &document{name: name, text: string(text)}, err
}

// command returns the command that begins with some words. It may be repeated, but not with other words.
func (d *document) command(words string) string {
	var found []string
	for _, command := range codeblock.Commands(d.text) {
		if strings.HasPrefix(command+" ", words+" ") && !slices.Contains(found, command) {
			found = append(found, command)
		}
	}
	return d.single("commands that begin with "+words, found)
}

// code returns the file of Go code for a version that contains a text.
func (d *document) code(version, content string) string {
	var found []string
	for _, block := range codeblock.Fenced(d.text, "go") {
		isProgram := strings.HasPrefix(block, "package main\n") && strings.Contains(block, content)
		if isProgram && strings.Contains(block, `"github.com/gofiber/fiber/`+strings.TrimPrefix(version, "Fiber ")+`"`) {
			found = append(found, block)
		}
	}
	return d.single("files for "+version+" with "+content, found)
}

// single returns the only element, or notes that the document has none or several.
func (d *document) single(kind string, found []string) string {
	if len(found) == 1 {
		return found[0]
	}
	d.lacks = errors.Join(d.lacks, fmt.Errorf("%s: %d %s, want 1", d.name, len(found), kind))
	return ""
}
