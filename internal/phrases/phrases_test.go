package phrases

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

var placeholders = regexp.MustCompile(`\{[^}]*\}`)

// Otherwise only users would notice a page without a text or with an incomplete sentence.
func TestLanguages_HaveEveryText(t *testing.T) {
	t.Parallel()
	for _, l := range languages {
		if l.Text(None) != "" {
			t.Errorf("%s: None has a text", l.Tag)
		}
		for _, key := range keys(t) {
			text, want := l.Text(key.value), key.value.English()
			switch {
			case text == "":
				t.Errorf("%s: %s is missing", l.Tag, key.name)
			case !utf8.ValidString(text), strings.TrimSpace(text) != text, strings.Contains(text, "  "):
				t.Errorf("%s: %s is %q", l.Tag, key.name, text)
			case !slices.Equal(placeholders.FindAllString(text, -1), placeholders.FindAllString(want, -1)):
				t.Errorf("%s: the placeholders of %s differ: %q, want those of %q", l.Tag, key.name, text, want)
			case isSentence(want) != isSentence(text):
				t.Errorf("%s: %s ends differently: %q, %q", l.Tag, key.name, text, want)
			case l != English && text == want:
				t.Errorf("%s: %s is not translated", l.Tag, key.name)
			}
		}
	}
}

func isSentence(text string) bool {
	return strings.HasSuffix(text, ".") || strings.HasSuffix(text, "。")
}

func TestLanguages_PlaceholdersAreThoseThatPagesFill(t *testing.T) {
	t.Parallel()
	for _, key := range keys(t) {
		want := 0
		if strings.HasSuffix(key.name, "DetailIn") {
			want = 1
		}
		text := key.value.English()
		if strings.Count(text, Placeholder) != want || len(placeholders.FindAllString(text, -1)) != want {
			t.Errorf("%s: %q", key.name, text)
		}
	}
}

// Unused texts would be translated unnecessarily.
func TestKeys_AreUsed(t *testing.T) {
	t.Parallel()
	used := usedKeys(t)
	for _, key := range keys(t) {
		if !used[key.name] {
			t.Errorf("no package uses %s", key.name)
		}
	}
}

// namedKey is a Key with the name of its constant.
type namedKey struct {
	name  string
	value Key
}

// keys are those of key.go, whose constants have successive values.
func keys(t *testing.T) (all []namedKey) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "key.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if name := spec.Names[0].Name; ast.IsExported(name) && name != "None" && name != "Placeholder" {
			all = append(all, namedKey{name, Key(len(all) + 1)})
		}
		return false
	})
	if len(all) != int(count)-1 || len(all) < 50 {
		t.Fatalf("%d keys in key.go, %d texts", len(all), count-1)
	}
	return all
}

// usedKeys are the keys that the module's packages name.
func usedKeys(t *testing.T) map[string]bool {
	t.Helper()
	used := map[string]bool{}
	named := regexp.MustCompile(`\bphrases\.([A-Z]\w*)`)
	for _, dir := range []string{"../../graph", ".."} {
		err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			source, err := os.ReadFile(path)
			for _, match := range named.FindAllSubmatch(source, -1) {
				used[string(match[1])] = true
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return used
}
