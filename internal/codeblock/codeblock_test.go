package codeblock_test

import (
	"slices"
	"testing"

	"github.com/fibermsal/fibermsal/internal/codeblock"
)

const document = "# Title\n\n    go mod init example.com/hello   # in an empty directory\n    go run . \\\n        -port 3000\n\n" +
	"Write `main.go`:\n\n```go\npackage main\n\n\tfunc main() {}\n```\n\n" +
	"1. In a list:\n\n   ```js\n   let a = 1\n       let b = 2\n   ```\n\n```go\nvar x = \"    y\"\n```\n\n    cd v3 && go test ./...\n"

func TestFenced_FindsTheLanguages(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		languages, want []string
	}{
		{[]string{"go"}, []string{"package main\n\n\tfunc main() {}\n", "var x = \"    y\"\n"}},
		{[]string{"js", "python"}, []string{"   let a = 1\n       let b = 2\n   "}},
		{[]string{"python"}, nil},
	} {
		if got := codeblock.Fenced(document, row.languages...); !slices.Equal(got, row.want) {
			t.Errorf("%v: %q", row.languages, got)
		}
	}
}

func TestNormal_RemovesIndentation(t *testing.T) {
	t.Parallel()
	if got := codeblock.Normal("\n\tif a {\n\t\tb()\n\t}\n\n"); got != "if a {\nb()\n}" {
		t.Errorf("%q", got)
	}
}

func TestCommands_AreThoseOfIndentedCode(t *testing.T) {
	t.Parallel()
	want := []string{"go mod init example.com/hello", "go run . -port 3000", "cd v3 && go test ./..."}
	if got := codeblock.Commands(document); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}
