package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"

	"github.com/fibermsal/fibermsal/internal/structure"
)

// target is a function that is fuzzed.
type target structure.FuzzTarget

// enough is how often a target is run if its kept inputs take all the time that it has.
const enough = "1000x"

// fuzz runs a target and returns what go test prints.
func (t target) fuzz(ctx context.Context, o options) (output []byte, err error) {
	output, err = t.run(ctx, o, o.time)
	if err == nil && executions(output) == 0 {
		return t.run(ctx, o, enough)
	}
	return output, err
}

func (t target) run(ctx context.Context, o options, time string) (output []byte, err error) {
	cmd := exec.CommandContext(ctx, o.goTool, "test", "-run", "^$", "-fuzz", "^"+t.Name+"$", //nolint:gosec // of this module
		"-fuzztime", time, "-fuzzminimizetime", "10x", "./"+t.Dir)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	var all bytes.Buffer
	cmd.Stdout, cmd.Stderr = &all, &all
	err = cmd.Run()
	return all.Bytes(), err
}
