package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"strings"
)

// console is the program's standard input and outputs.
type console struct {
	in  io.Reader
	out *bufio.Writer
	err io.Writer

	interactive   bool // the user can be asked for confirmation
	outIsTerminal bool
	errIsTerminal bool // lines can be overwritten

	// Set by flags of the command line.
	asJSON    bool
	variables string // the prefix of environment variables in messages
}

func newConsole(in, out, err *os.File) *console {
	return &console{
		in: in, out: bufio.NewWriter(out), err: err,
		interactive:   isTerminal(in) && isTerminal(err),
		outIsTerminal: isTerminal(out), errIsTerminal: isTerminal(err),
	}
}

// isTerminal reports whether a file is a terminal: a character device other than the null device.
func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	null, err := os.Stat(os.DevNull)
	return err != nil || !os.SameFile(info, null)
}

// confirm asks for confirmation. An interruption counts as a refusal.
func (c *console) confirm(ctx context.Context, question string) error {
	fmt.Fprintf(c.err, "%s [y/N] ", question)
	answer := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(c.in).ReadString('\n') // the end of the input counts as a refusal
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
	return errDeclined
}
