package main

import (
	"io"
	"reflect"
	"strings"
	"testing"

	"github.com/fibermsal/fibermsal/internal/figure"
)

// lineOf is a line of go test -json about the root's package.
func lineOf(fields string) string {
	return `{"Package":"github.com/fibermsal/fibermsal",` + fields + "}\n"
}

func TestEvents_AreCountedByTestAndCase(t *testing.T) {
	t.Parallel()
	const failed = `"Action":"fail","Elapsed":1`
	for name, row := range map[string]struct {
		stream string
		want   []test
		faults []string
	}{
		"a test without subtests": {
			lineOf(`"Action":"run","Test":"TestA1_X"`) + lineOf(`"Action":"pass","Test":"TestA1_X","Elapsed":1.5`) + lineOf(`"Action":"pass","Elapsed":2`),
			[]test{{Package: ".", Name: "TestA1_X", Passed: 1, Seconds: 1.5}},
			nil,
		},
		"subtests, one of which has subtests": {
			lineOf(`"Action":"pass","Test":"TestA1_X"`) + lineOf(`"Action":"pass","Test":"TestA1_X/a"`) + lineOf(`"Action":"pass","Test":"TestA1_X/b"`) +
				lineOf(`"Action":"pass","Test":"TestA1_X/b/1"`) + lineOf(`"Action":"skip","Test":"TestA1_X/b/2"`),
			[]test{{Package: ".", Name: "TestA1_X", Passed: 2, Skipped: 1}},
			nil,
		},
		"a subtest that fails": {
			lineOf(`"Action":"fail","Test":"TestA1_X/a"`) + lineOf(`"Action":"pass","Test":"TestA1_X/b"`) + lineOf(`"Action":"fail","Test":"TestA1_X"`) + lineOf(failed),
			[]test{{Package: ".", Name: "TestA1_X", Passed: 1, Failed: 1}},
			nil,
		},
		"a test that fails after its subtests": {
			lineOf(`"Action":"pass","Test":"TestA1_X/a"`) + lineOf(`"Action":"fail","Test":"TestA1_X"`) + lineOf(failed),
			[]test{{Package: ".", Name: "TestA1_X", Passed: 1, Failed: 1}},
			nil,
		},
		"a process that ends before its tests": {
			lineOf(`"Action":"run","Test":"TestA1_X"`) + lineOf(failed),
			[]test{{Package: ".", Name: "TestA1_X", Failed: 1}},
			nil,
		},
		"a name that begins as another": {
			lineOf(`"Action":"pass","Test":"TestA1_X"`) + lineOf(`"Action":"pass","Test":"TestA1_XY"`),
			[]test{{Package: ".", Name: "TestA1_X", Passed: 1}, {Package: ".", Name: "TestA1_XY", Passed: 1}},
			nil,
		},
		"a package that does not compile":  {"# text of the compiler\n" + lineOf(failed+`,"FailedBuild":"x"`), nil, []string{"package . failed"}},
		"a TestMain that finds something":  {lineOf(`"Action":"pass","Test":"TestA1_X"`) + lineOf(failed), []test{{Package: ".", Name: "TestA1_X", Passed: 1}}, []string{"package . failed"}},
		"a package without wanted tests":   {lineOf(`"Action":"pass","Elapsed":0`), nil, nil},
		"an end in the middle of its line": {lineOf(`"Action":"pass","Test":"TestA1_X"`) + `{"Action":"pa`, []test{{Package: ".", Name: "TestA1_X", Passed: 1}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, s := &results{}, &stage{}
			if err := newReader(r, s, io.Discard).read(strings.NewReader(row.stream)); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(r.Tests, row.want) || !reflect.DeepEqual(s.Faults, row.faults) {
				t.Errorf("tests %+v, faults %v", r.Tests, s.Faults)
			}
		})
	}
}

func TestEvents_FiguresAreThoseOfTheAttributes(t *testing.T) {
	t.Parallel()
	r := &results{}
	var progress strings.Builder
	stream := lineOf(`"Action":"attr","Test":"TestG10_X/50","Key":"figure","Value":"{\"row\":\"R6\",\"name\":\"calls\",\"value\":\"1\"}"`) +
		lineOf(`"Action":"attr","Test":"TestG10_X/50","Key":"other","Value":"no JSON"`) +
		lineOf(`"Action":"output","Test":"TestG10_X/50","Output":"what went wrong\n"`) + lineOf(`"Action":"fail","Test":"TestG10_X/50"`)
	if err := newReader(r, &stage{}, &progress).read(strings.NewReader(stream)); err != nil {
		t.Fatal(err)
	}
	want := []measured{{Figure: figure.Figure{Row: "R6", Name: "calls", Value: "1"}, Package: ".", Test: "TestG10_X/50"}}
	if !reflect.DeepEqual(r.Figures, want) {
		t.Errorf("%+v", r.Figures)
	}
	if !strings.Contains(progress.String(), "FAILED . TestG10_X/50\nwhat went wrong") {
		t.Errorf("printed: %s", progress.String())
	}
	bad := lineOf(`"Action":"attr","Test":"TestG10_X","Key":"figure","Value":"{"`)
	if newReader(r, &stage{}, io.Discard).read(strings.NewReader(bad)) == nil {
		t.Error("a figure that cannot be read is passed over")
	}
}

// The directory of a package is where `go test` finds it.
func TestEvents_DirectoriesOfPackages(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		modulePath: ".", modulePath + "/internal/record": "internal/record", modulePath + "/e2e": "e2e", modulePath + "/graph": "graph",
	} {
		if got := directory(path); got != want {
			t.Errorf("%s: %s", path, got)
		}
	}
}
