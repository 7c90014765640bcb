package main

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestProgress_ShowsNowAndThenHowFarItIs(t *testing.T) {
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
				p := (&console{err: &said, errIsTerminal: row.live}).progress()
				for i := range 152 {
					time.Sleep(100 * time.Millisecond)
					p.show("step %d", i)
				}
				p.clear()
				if got := said.String(); !row.live && got != row.want {
					t.Errorf("%q", got)
				} else if row.live && (strings.Count(got, "\r\x1b[Kstep") != 76 || !strings.HasSuffix(got, "\r\x1b[K") || strings.Contains(got, "\n")) {
					t.Errorf("%q", got)
				}
			})
		})
	}
}

func TestProgress_ShortWorkShowsNothing(t *testing.T) {
	t.Parallel()
	for _, live := range []bool{true, false} {
		var said strings.Builder
		p := (&console{err: &said, errIsTerminal: live}).progress()
		p.show("step")
		p.clear()
		if said.Len() > 0 {
			t.Errorf("%q", said.String())
		}
	}
}
