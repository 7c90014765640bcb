package main

import (
	"bufio"
	"context"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestProgress_SaysNowAndThenHowFarItIs(t *testing.T) {
	for name, row := range map[string]struct {
		live bool
		want string
	}{
		"in a log":      {false, "step 49\nstep 99\nstep 149\n"},
		"on a terminal": {true, strings.Repeat("\r\x1b[Kstep", 76)},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var said strings.Builder
				p := (&console{err: &said, live: row.live}).progress()
				for i := range 152 {
					time.Sleep(100 * time.Millisecond)
					p.say("step %d", i)
				}
				p.end()
				if got := said.String(); !row.live && got != row.want {
					t.Errorf("%q", got)
				} else if row.live && (strings.Count(got, "\r\x1b[Kstep") != 76 || !strings.HasSuffix(got, "\r\x1b[K") || strings.Contains(got, "\n")) {
					t.Errorf("%q", got)
				}
			})
		})
	}
}

func TestProgress_ShortWorkSaysNothing(t *testing.T) {
	t.Parallel()
	for _, live := range []bool{true, false} {
		var said strings.Builder
		p := (&console{err: &said, live: live}).progress()
		p.say("step")
		p.end()
		if said.Len() > 0 {
			t.Errorf("%q", said.String())
		}
	}
}

// Who is asked and interrupts must not have to press Enter as well.
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
