package main

import (
	"fmt"
	"time"
)

const (
	// redrawEvery and reportEvery are how often a long command reports its progress on a terminal and
	// in a log.
	redrawEvery = 200 * time.Millisecond
	reportEvery = 5 * time.Second
)

// progress reports the progress of a long command. A short command reports nothing.
type progress struct {
	console *console
	last    time.Time
	drawn   bool
}

func (c *console) progress() *progress { return &progress{console: c, last: time.Now()} }

// show is called for every step and writes only if enough time has passed.
func (p *progress) show(format string, args ...any) {
	every := reportEvery
	if p.console.errIsTerminal {
		every = redrawEvery
	}
	now := time.Now()
	if now.Sub(p.last) < every {
		return
	}
	p.last = now
	line := fmt.Sprintf(format, args...)
	if p.console.errIsTerminal {
		p.drawn = true
		fmt.Fprintf(p.console.err, "\r\x1b[K%s", line)
		return
	}
	fmt.Fprintln(p.console.err, line)
}

// clear clears the progress line for other output.
func (p *progress) clear() {
	if p.drawn {
		fmt.Fprint(p.console.err, "\r\x1b[K")
		p.drawn = false
	}
}
