package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"testing"
)

func TestApps_areThere(t *testing.T) {
	t.Parallel()
	for _, a := range apps {
		if _, err := os.Stat(filepath.Join("..", a.dir, "main.go")); err != nil {
			t.Error(err)
		}
	}
}

// A build is a command whose child processes do the work.
func TestWatch_countsWhatChildrenTake(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("no /proc here")
	}
	const work = `i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done`
	var r result
	if err := r.watch(exec.Command("sh", "-c", "sh -c '"+work+"'; true")); err != nil {
		t.Fatal(err)
	}
	if r.CPUSeconds <= 0 || r.WallSeconds <= 0 || r.PeakRSSBytes <= 0 {
		t.Errorf("%+v", r)
	}
}

func TestParseProcess(t *testing.T) {
	t.Parallel()
	page := int64(os.Getpagesize())
	const rest = " 1 1 0 -1 4194304 9 9 0 0 5 2 0 0 20 0 1 0 77 9999 "
	for _, line := range []struct {
		text string
		want process
		ok   bool
	}{
		{text: "7 (compile) S 3" + rest + "25 18446744073709551615 1", want: process{7, 3, 25 * page}, ok: true},
		{text: "7 (a ) S 4) (b) R 3" + rest + "25 1", want: process{7, 3, 25 * page}, ok: true},
		{text: "7 (compile) S 3"},
		{text: ""},
	} {
		if got, ok := parseProcess([]byte(line.text)); got != line.want || ok != line.ok {
			t.Errorf("%q: %v %v, want %v %v", line.text, got, ok, line.want, line.ok)
		}
	}
}

func TestTreeRSS_leavesOutStrangers(t *testing.T) {
	t.Parallel()
	all := []process{{5, 4, 1000}, {1, 0, 1}, {3, 2, 100}, {2, 1, 10}, {4, 3, 500}, {9, 1, 7}}
	if got := treeRSS(all, 2); got != 1610 {
		t.Errorf("got %d", got)
	}
}

func TestResults_areReplacedOneByOne(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "results", "buildcost.json")
	var all results
	for _, r := range []result{
		{App: "sdk", CPUSeconds: 400},
		{App: "root", CPUSeconds: 60},
		{App: "bare", CPUSeconds: 40},
		{App: "root", CPUSeconds: 61},
	} {
		if err := all.with(r).write(file); err != nil {
			t.Fatal(err)
		}
		var err error
		if all, err = readResults(file); err != nil {
			t.Fatal(err)
		}
	}
	want := results{{App: "bare", CPUSeconds: 40}, {App: "root", CPUSeconds: 61}, {App: "sdk", CPUSeconds: 400}}
	if !reflect.DeepEqual(all, want) {
		t.Errorf("got %+v", all)
	}
}

// The linker removes methods that are not called, unless code in the binary calls methods by names that
// the linker cannot determine, as templates do. Then it keeps the exported methods of all types, which
// doubles the size of an app. The linker's list of dependencies marks such code.
func TestApps_LetTheLinkerDropMethods(t *testing.T) {
	t.Parallel()
	for _, a := range apps {
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			link := exec.Command("go", "build", "-ldflags=-dumpdep", "-o", filepath.Join(t.TempDir(), a.name), ".")
			link.Dir = filepath.Join("..", a.dir)
			list, err := link.CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, list[max(0, len(list)-1000):])
			}
			if !bytes.Contains(list, []byte("main.main -> ")) {
				t.Fatal("the linker has not listed what depends on what")
			}
			for line := range bytes.Lines(list) {
				if bytes.Contains(line, []byte("<ReflectMethod>")) {
					t.Errorf("methods are called by name: %s", line)
				}
			}
		})
	}
}
