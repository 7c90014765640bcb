package main

import (
	"errors"
	"io"
	"testing"
)

const passed = `fuzz: elapsed: 0s, gathering baseline coverage: 0/202 completed
fuzz: elapsed: 0s, gathering baseline coverage: 202/202 completed, now fuzzing with 2 workers
fuzz: elapsed: 3s, execs: 325017 (108336/sec), new interesting: 11 (total: 213)
fuzz: elapsed: 5s, execs: 640021 (102301/sec), new interesting: 12 (total: 214)
`

func TestReport_TellsInputsThatFailFromTheEndOfTheTime(t *testing.T) {
	t.Parallel()
	exit := errors.New("exit status 1")
	for name, c := range map[string]struct {
		output     string
		err        error
		executions int
		failed     bool
	}{
		"passed":      {passed + "PASS\n", nil, 640021, false},
		"out of time": {passed + "--- FAIL: FuzzX (5.10s)\n    context deadline exceeded\nFAIL\n", exit, 640021, false},
		"an input fails": {
			passed + "--- FAIL: FuzzX (5.10s)\n    --- FAIL: FuzzX (0.00s)\n        x_test.go:9: wrong\n    \n    Failing input written to testdata/fuzz/FuzzX/1\n",
			exit, 640021, true,
		},
		"an input fails for the lack of time": {
			passed + "--- FAIL: FuzzX (5.10s)\n    --- FAIL: FuzzX (0.00s)\n    context deadline exceeded\n    Failing input written to testdata/fuzz/FuzzX/1\n",
			exit, 640021, true,
		},
		"a kept input fails": {"--- FAIL: FuzzX (0.00s)\n    --- FAIL: FuzzX/1 (0.00s)\n", exit, 0, true},
		"not compiled":       {"x_test.go:9: undefined: x\nFAIL\n", exit, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := &report{w: io.Discard}
			if err := r.add(target{".", "FuzzX"}, []byte(c.output), c.err); err != nil {
				t.Fatal(err)
			}
			if failed := r.end() != nil; r.executions != c.executions || failed != c.failed {
				t.Errorf("%d executions, failed: %v", r.executions, failed)
			}
		})
	}
}
