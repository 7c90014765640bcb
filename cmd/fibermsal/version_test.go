package main

import (
	"encoding/json"
	"runtime"
	"strings"
	"testing"
)

func TestVersion_NeedsNoEnvironment(t *testing.T) {
	t.Parallel()
	s := &stage{t: t, env: map[string]string{"FIBERMSAL_X": "unknown"}}
	var stdout strings.Builder
	cmd := s.command("version")
	cmd.Stdout = &stdout
	if err := cmd.Run(); err != nil || !strings.HasPrefix(stdout.String(), "fibermsal ") || !strings.Contains(stdout.String(), runtime.Version()) {
		t.Errorf("%v: %q", err, stdout.String())
	}
	out, err := s.command("version", "-json").Output()
	var b build
	if err != nil || json.Unmarshal(out, &b) != nil || b.Version == "" || b.Go != runtime.Version() {
		t.Errorf("%v: %s", err, out)
	}
}
