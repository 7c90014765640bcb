package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/fibermsal/fibermsal/internal/supply"
)

func TestWrite_FailsForOneThatIsNotAllowed(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	good := &supply.Module{Path: "example.com/a", Version: "v1.0.0", Licences: []string{"MIT"}}
	if err := write(&out, supply.Modules{good}); err != nil || !strings.Contains(out.String(), "example.com/a  v1.0.0  MIT") {
		t.Errorf("%v %s", err, out.String())
	}
	bad := &supply.Module{Path: "example.com/b", Licences: []string{"MIT", supply.Unknown}}
	if err := write(&out, supply.Modules{good, bad}); err == nil || !strings.Contains(err.Error(), "example.com/b: unknown") {
		t.Errorf("%v", err)
	}
}
