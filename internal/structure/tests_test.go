package structure_test

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/fibermsal/fibermsal/internal/structure"
)

// Those of nested modules and generated files are left out.
func TestFuzzTargets(t *testing.T) {
	t.Parallel()
	got, err := structure.FuzzTargets(filepath.Join("testdata", "module"))
	want := []structure.FuzzTarget{{".", "FuzzSpeed"}, {"inner", "FuzzDepth"}, {"inner", "FuzzWidth"}}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %v", got, err)
	}
}

func TestTestFiles(t *testing.T) {
	t.Parallel()
	files, err := structure.TestFiles(filepath.Join("testdata", "module"))
	if err != nil || len(files) != 2 || files[0].Dir != "." || files[1].Dir != "inner" || len(files[1].Source) == 0 {
		t.Errorf("%v, %v", files, err)
	}
	if files, err = structure.TestFiles(filepath.Join("testdata", "nowhere")); err == nil {
		t.Errorf("%v of a directory that does not exist", files)
	}
}
