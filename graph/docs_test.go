package graph_test

import (
	"os"
	"strings"
	"testing"
)

// The raw call that docs/graph.md shows is the one of the compiled example.
func TestDocs_ShowTheCompiledCall(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/graph.md")
	if err != nil {
		t.Fatal(err)
	}
	example, err := os.ReadFile("example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	_, shown, _ := strings.Cut(string(page), "```go\n")
	shown, _, _ = strings.Cut(shown, "```")
	lines := strings.Split(strings.TrimSpace(shown), "\n")
	if len(lines) != 4 { // the fourth is a brace
		t.Errorf("the call has %d lines", len(lines))
	}
	for _, line := range lines {
		if !strings.Contains(string(example), strings.TrimSpace(line)+"\n") {
			t.Errorf("the example does not have %q", line)
		}
	}
}
