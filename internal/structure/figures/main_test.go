package main

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestWrite(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	dir := filepath.Join("..", "testdata", "module")
	if err := write(&out, []string{dir}); err != nil {
		t.Fatal(err)
	}
	want := strings.TrimLeft(`
package                   files  lines  functions  exported  most methods  largest cycle  longest file  longest function
../testdata/module        2      15     3          1         Ship 2        2 of 2         module.go 10  Ship.knots 3
../testdata/module/inner  1      3      0          1         -             -              inner.go 3    -
`, "\n")
	if got := filepath.ToSlash(out.String()); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if err := write(&out, []string{"absent"}); err == nil {
		t.Error("a module that does not exist was measured")
	}
}
