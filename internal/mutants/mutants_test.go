package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const root = "../.."

func TestMutants_TextsAreInTheirFilesOnce(t *testing.T) {
	t.Parallel()
	checks := map[string]bool{}
	for _, m := range mutants() {
		content, err := os.ReadFile(filepath.Join(root, m.file))
		if err != nil {
			t.Errorf("%s, %s: %v", m.id, m.check, err)
			continue
		}
		changed, err := m.apply(content)
		switch {
		case err != nil:
			t.Error(err)
		case string(changed) == string(content):
			t.Errorf("%s, %s: nothing is changed", m.id, m.check)
		case checks[m.check]:
			t.Errorf("%s: two mutants of one name", m.check)
		}
		checks[m.check] = true
	}
}

func TestMutants_ThreatsAreInTheSecurityModel(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(root, "docs", "security-model.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range mutants() {
		if !strings.Contains(string(text), "\n| "+m.id+" |") {
			t.Errorf("%s, %s: there is no such threat", m.id, m.check)
		}
	}
}

var function = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)

// Each alternative of a pattern must select a test.
func TestMutants_TestsExist(t *testing.T) {
	t.Parallel()
	tests := map[string][]string{}
	for _, m := range mutants() {
		if tests[m.pkg] == nil {
			tests[m.pkg] = testsIn(t, m.pkg)
		}
		for pattern := range strings.SplitSeq(m.run, "|") {
			if !matchesAny(regexp.MustCompile("^("+pattern+")"), tests[m.pkg]) {
				t.Errorf("%s, %s: no test of %s begins with %s", m.id, m.check, m.pkg, pattern)
			}
		}
	}
}

func testsIn(t *testing.T, pkg string) (names []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, pkg, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, declared := range function.FindAllStringSubmatch(string(content), -1) {
			names = append(names, declared[1])
		}
	}
	return names
}

func matchesAny(pattern *regexp.Regexp, names []string) bool {
	for _, name := range names {
		if pattern.MatchString(name) {
			return true
		}
	}
	return false
}

func TestResultOf_IsWhatTheTestsSay(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		events []string
		failed bool
		want   outcome
		by     string
	}{
		"all pass": {[]string{`{"Action":"run","Test":"TestA"}`, `{"Action":"pass","Test":"TestA"}`, `{"Action":"pass"}`}, false, survived, ""},
		"one of a table fails": {[]string{
			`{"Action":"run","Test":"TestA"}`, `{"Action":"run","Test":"TestA/x"}`, `{"Action":"fail","Test":"TestA/x"}`,
			`{"Action":"fail","Test":"TestA"}`, `{"Action":"fail","Test":"TestB"}`, `{"Action":"fail"}`,
		}, true, killed, "TestA"},
		"the process ends": {[]string{`{"Action":"run","Test":"TestA"}`, `{"Action":"fail"}`}, true, killed, "TestA"},
		"it is not built": {[]string{
			`{"Action":"build-output","Output":"x.go:1: no\n"}`, `{"Action":"build-fail"}`, `{"Action":"fail","FailedBuild":"x"}`,
		}, true, notCompiled, ""},
		"no test matches":         {[]string{`{"Action":"output","Output":"testing: warning: no tests to run\n"}`, `{"Action":"pass"}`}, false, notTested, ""},
		"the command is refused":  {nil, true, notTested, ""},
		"something else is there": {[]string{"go: downloading", `{"Action":"pass","Test":"TestA"}`}, false, survived, ""},
	} {
		got := resultOf(strings.NewReader(strings.Join(row.events, "\n")), row.failed)
		if got.outcome != row.want || got.by != row.by {
			t.Errorf("%s: %s by %q, want %s by %q", name, got.outcome, got.by, row.want, row.by)
		}
	}
}

func TestReport_PrintsALineForEachMutant(t *testing.T) {
	t.Parallel()
	for asJSON, want := range map[bool]string{
		true:  `{"id":"A8","check":"the nonce","killed":true,"by":"TestA"}` + "\n" + `{"id":"A8","check":"the nonce","killed":false,"by":""}` + "\n",
		false: "A8   the nonce",
	} {
		var out strings.Builder
		r := reportTo(&out, asJSON)
		for _, got := range []result{{outcome: killed, by: "TestA"}, {outcome: survived}} {
			if err := r.add(&mutant{id: "A8", check: "the nonce"}, got); err != nil {
				t.Fatal(err)
			}
		}
		if err := r.end(); err == nil {
			t.Error("a mutant that survives is no error")
		}
		if text := out.String(); !strings.HasPrefix(text, want) || !asJSON && !strings.Contains(text, "survived\n1 of 2 mutants killed") {
			t.Errorf("%s", text)
		}
	}
}
