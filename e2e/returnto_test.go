package e2e

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/fibermsal/fibermsal/internal/figure"
	"github.com/fibermsal/fibermsal/internal/returnto"
)

// Browsers do not parse URLs as Go does. A return path that was accepted must stay on the origin for
// browsers, too.
func TestC1_ReturnPathsStayOnTheOriginInABrowser(t *testing.T) {
	t.Parallel()
	const (
		base   = "https://app.example/user/authorized?x=1"
		inputs = 1_000_000
		batch  = 50_000
	)
	page := newChromium(t, newSite(t, "http")).tab()
	random := rand.New(rand.NewPCG(1, 2))
	var paths []string
	checked, left := 0, 0
	check := func() {
		list, err := json.Marshal(paths)
		if err != nil {
			t.Fatal(err)
		}
		var strays []string
		page.eval(`(`+string(list)+`).filter(path => {
			try { const u = new URL(path, "`+base+`"); return u.origin !== "https://app.example" || u.username !== "" }
			catch { return true }
		})`, &strays)
		for _, stray := range strays {
			t.Errorf("%q leaves the origin", stray)
		}
		checked, left = checked+len(paths), left+len(strays)
		paths = paths[:0]
	}
	for _, raw := range keptReturnPaths(t) {
		if path := returnto.Clean(raw); path != returnto.Home {
			paths = append(paths, path)
		}
	}
	for range inputs {
		if path := returnto.Clean(pieces(random)); path != returnto.Home {
			paths = append(paths, path)
		}
		if len(paths) == batch {
			check()
		}
	}
	check()
	if checked < inputs/20 {
		t.Errorf("only %d of %d inputs gave a path at all", checked, inputs)
	}
	t.Logf("%d inputs, %d paths kept and resolved by the browser", inputs, checked)
	figure.Report(t, figure.Figure{Row: "R17", Name: "return paths that leave the origin in Chromium", Value: fmt.Sprintf("%d of %d, of %d inputs", left, checked, inputs)})
}

// keptReturnPaths returns what fuzzing has found interesting.
func keptReturnPaths(t *testing.T) (inputs []string) {
	t.Helper()
	files, err := filepath.Glob("../internal/returnto/testdata/fuzz/FuzzClean/*")
	if err != nil || len(files) == 0 {
		t.Fatal("no inputs are kept", err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		_, quoted, _ := strings.Cut(strings.TrimSpace(string(content)), "string(")
		input, err := strconv.Unquote(strings.TrimSuffix(quoted, ")"))
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		inputs = append(inputs, input)
	}
	return inputs
}

// pieces combines the typical parts of open redirects.
func pieces(random *rand.Rand) string {
	alphabet := []string{
		"/", "/", "\\", "//", ".", "..", "%2e", "%2f", "%5c", "%252f", "%09", "\t", "\n", "\r", " ", "@", ":", ";", "?", "#",
		"evil.example", "https:", "javascript:", "a", "b", "1", "%", "%0d%0a", "\u2028", "\uff0f", "\u3002", "\u200b", "[::1]", "&", "=", "|", "<", "\"", "'", "^", "`", "{",
	}
	var path strings.Builder
	path.WriteString("/")
	for range 1 + random.IntN(7) {
		path.WriteString(alphabet[random.IntN(len(alphabet))])
	}
	return path.String()
}
