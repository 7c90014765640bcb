package main

import (
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/fibermsal/fibermsal/internal/figure"
)

func TestMutants_AreReadByLine(t *testing.T) {
	t.Parallel()
	const output = `compiling
{"id":"M1","check":"the nonce","killed":true,"by":"TestA8_NonceMustBeTheOneSent"}
{"id":"M2","check":"the audience","killed":false,"by":""}
`
	got, err := readMutants(strings.NewReader(output), io.Discard)
	want := []figure.Mutant{{ID: "M1", Check: "the nonce", Killed: true, By: "TestA8_NonceMustBeTheOneSent"}, {ID: "M2", Check: "the audience"}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := readMutants(strings.NewReader("{\n"), io.Discard); err == nil {
		t.Error("half a line is passed over")
	}
	if figures, failed := mutation(got); !failed || lines(figures) != "removed checks that a test notices: 1 of 2<br>not noticed: M2: the audience" {
		t.Errorf("%v: %s", failed, lines(figures))
	}
}

func TestSupply_ModulesThatDifferAreCounted(t *testing.T) {
	t.Parallel()
	equal, all := countVerified([]byte(".: all modules verified\nv3: all modules verified\ne2e: \n"))
	if equal != 2 || all != 3 {
		t.Errorf("%d of %d", equal, all)
	}
}

func TestStages_PackagesAreThoseWithWantedTests(t *testing.T) {
	t.Parallel()
	packages, err := testPackages(repository)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{".", "./graph", "./internal/record", "./internal/sessionmodel", "./internal/session"} {
		if !slices.Contains(packages, want) {
			t.Errorf("%s is missing in %v", want, packages)
		}
	}
	for _, unwanted := range []string{"./e2e", "./v3", "./internal/naive", "./internal/nethttpface", "./internal/scorecard", "./cmd/fibermsal"} {
		if slices.Contains(packages, unwanted) {
			t.Errorf("%s is among %v", unwanted, packages)
		}
	}
}

func TestCommand_CanBeRepeatedInAShell(t *testing.T) {
	t.Parallel()
	c := command{dir: "e2e", env: []string{"A=1"}, args: []string{"/usr/bin/go", "test", "-run", "^Test(A|B)$", "."}}
	if got := c.String(); got != "cd e2e && A=1 go test -run '^Test(A|B)$' ." {
		t.Error(got)
	}
}
