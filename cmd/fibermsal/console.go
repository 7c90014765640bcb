package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// console is where the program was started.
type console struct {
	in  io.Reader
	out *bufio.Writer
	err io.Writer

	asks bool // somebody sits there and can be asked
	seen bool // what goes to out is seen at once
	live bool // a line of err can be written again
}

func newConsole(in, out, err *os.File) *console {
	return &console{
		in: in, out: bufio.NewWriter(out), err: err,
		asks: isTerminal(in) && isTerminal(err), seen: isTerminal(out), live: isTerminal(err),
	}
}

// isTerminal knows terminals as character devices. The null device is one, too.
func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	null, err := os.Stat(os.DevNull)
	return err != nil || !os.SameFile(info, null)
}

// confirm asks whether to go on. Interrupting is an answer, too.
func (c *console) confirm(ctx context.Context, question string) error {
	fmt.Fprintf(c.err, "%s [y/N] ", question)
	answer := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(c.in).ReadString('\n') // no answer is one
		answer <- strings.ToLower(strings.TrimSpace(line))
	}()
	select {
	case text := <-answer:
		if text == "y" || text == "yes" {
			return nil
		}
	case <-ctx.Done():
		fmt.Fprintln(c.err)
	}
	return errors.New("nothing was done")
}

const (
	// redrawEvery and reportEvery are how often work says how far it is, on a terminal
	// and in a log.
	redrawEvery = 200 * time.Millisecond
	reportEvery = 5 * time.Second
)

// progress says how far long work is. Short work says nothing.
type progress struct {
	console *console
	last    time.Time
	drawn   bool
}

func (c *console) progress() *progress { return &progress{console: c, last: time.Now()} }

// say is called for every step and writes now and then.
func (p *progress) say(format string, args ...any) {
	every := reportEvery
	if p.console.live {
		every = redrawEvery
	}
	now := time.Now()
	if now.Sub(p.last) < every {
		return
	}
	p.last = now
	line := fmt.Sprintf(format, args...)
	if p.console.live {
		p.drawn = true
		fmt.Fprintf(p.console.err, "\r\x1b[K%s", line)
		return
	}
	fmt.Fprintln(p.console.err, line)
}

// end clears the line for what comes after.
func (p *progress) end() {
	if p.drawn {
		fmt.Fprint(p.console.err, "\r\x1b[K")
	}
}
