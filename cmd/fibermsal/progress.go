package main

import (
	"fmt"
	"time"
)

const (
	// redrawEvery and reportEvery are how often long work reports its progress, on a terminal
	// and in a log.
	redrawEvery = 200 * time.Millisecond
	reportEvery = 5 * time.Second
)

// progress reports how far long work is. Short work reports nothing.
type progress struct {
	console *console
	last    time.Time
	drawn   bool
}

func (c *console) progress() *progress { return &progress{console: c, last: time.Now()} }

// show is called for every step, and writes now and then.
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

// clear clears the line for what comes after.
func (p *progress) clear() {
	if p.drawn {
		fmt.Fprint(p.console.err, "\r\x1b[K")
		p.drawn = false
	}
}
