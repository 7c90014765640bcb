package main

import (
	"bufio"
	"encoding/json"
	"io"
	"strings"
)

// outcome is what became of a mutant.
type outcome string

const (
	killed      outcome = "killed"
	survived    outcome = "survived"
	notCompiled outcome = "does not compile"
	notTested   outcome = "no test ran"
)

// result is the outcome of the tests of a mutant.
type result struct {
	outcome
	by     string // the test that failed first
	output string // of the compiler, or of the failed tests
}

// event is a line of go test -json.
type event struct{ Action, Test, Output, FailedBuild string }

// maxLine is how long a line of a test's output may be.
const maxLine = 4 << 20

// resultOf reads the events of tests, which as a whole passed or failed.
func resultOf(events io.Reader, failed bool) result {
	var r result
	var latest string
	passed, built := 0, true
	lines := bufio.NewScanner(events)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		var e event
		if json.Unmarshal(lines.Bytes(), &e) != nil {
			continue
		}
		test, _, _ := strings.Cut(e.Test, "/")
		r.output += e.Output
		switch {
		case e.Action == "build-fail" || e.FailedBuild != "":
			built = false
		case test == "":
		case e.Action == "run":
			latest = test
		case e.Action == "pass":
			passed++
		case e.Action == "fail" && r.by == "":
			r.by = test
		}
	}
	if r.by == "" && failed && built {
		r.by = latest // it has ended the process, or did not end in time
	}
	r.outcome = outcomeOf(built, r.by != "", passed > 0)
	return r
}

func outcomeOf(built, failed, passed bool) outcome {
	switch {
	case !built:
		return notCompiled
	case failed:
		return killed
	case !passed:
		return notTested
	}
	return survived
}
