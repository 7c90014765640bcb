package fibermsal_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fibermsal/fibermsal/internal/fiberv3"
)

// The face for Fiber v3 has the sources of that for v2, so that both behave alike.
func TestFaces_HaveTheSameSources(t *testing.T) {
	t.Parallel()
	want, err := fiberv3.Sources(".")
	if err != nil {
		t.Fatal(err)
	}
	if len(want) == 0 {
		t.Fatal("no sources are translated")
	}
	for name, content := range want {
		got, err := os.ReadFile(filepath.Join("v3", name))
		if err != nil || !bytes.Equal(got, content) {
			t.Errorf("v3/%s is not made of %s (%v): run `make generate`", name, name, err)
		}
	}
	for _, name := range sourcesOfV3(t) {
		if _, generated := want[name]; !generated && !slices.Contains(fiberv3.Own, name) {
			t.Errorf("v3/%s is made of no file in the root", name)
		}
	}
}

// sourcesOfV3 returns the names of the files of the package for Fiber v3, without its tests.
func sourcesOfV3(t *testing.T) []string {
	t.Helper()
	paths, err := filepath.Glob("v3/*.go")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, path := range paths {
		if name := filepath.Base(path); !strings.HasSuffix(name, "_test.go") {
			names = append(names, name)
		}
	}
	return names
}
