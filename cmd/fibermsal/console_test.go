package main

import (
	"bufio"
	"context"
	"os"
	"strings"
	"testing"
	"time"
)

// A user who is asked and interrupts must not have to press Enter as well.
func TestConfirm_InterruptingIsAnAnswer(t *testing.T) {
	t.Parallel()
	never, keep, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = keep.Close(), never.Close() })
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(10*time.Millisecond, cancel)
	c := &console{in: never, err: &strings.Builder{}, out: bufio.NewWriter(nil)}
	if err := c.confirm(ctx, "End all?"); err == nil {
		t.Error("that was a yes")
	}
}

func TestConsole_TheNullDeviceIsNoTerminal(t *testing.T) {
	t.Parallel()
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = null.Close() }()
	if isTerminal(null) {
		t.Error("it is taken for one")
	}
}
