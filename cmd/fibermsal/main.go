// Fibermsal lists and ends the sessions of an app that signs its users in with package fibermsal,
// and diagnoses its configuration.
//
//	fibermsal sessions list -mail adele@contoso.com
//	fibermsal sessions end -user 87d349ed-44d7-43e1-9a83-5f2406dee5bd
//	fibermsal sessions clean
//	fibermsal doctor -json
//	fibermsal version
//
// It reads the environment of the app, see entra.ConfigFromEnv. The exit status is 0 for success, 1 if
// something failed or was found, and 2 if the command line or the environment is invalid.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // so that a second signal ends the program immediately
	status := run(ctx, os.Args[1:], newConsole(os.Stdin, os.Stdout, os.Stderr))
	stop()
	os.Exit(status)
}

const (
	statusOK    = 0
	statusFound = 1
	statusUsage = 2
)

// run runs the program and returns its exit status.
func run(ctx context.Context, args []string, c *console) int {
	err := dispatch(ctx, args, c)
	if flushErr := c.out.Flush(); err == nil {
		err = flushErr
	}
	switch {
	case err == nil || errors.Is(err, flag.ErrHelp):
		return statusOK
	case errors.Is(err, errFound):
		return statusFound
	}
	if ctx.Err() != nil && !errors.Is(err, errDeclined) {
		err = interruptedError{err}
	}
	return c.fail(err)
}

// fail prints an error and returns the exit status.
func (c *console) fail(err error) int {
	if c.asJSON {
		_ = errors.Join(writeJSON(c.out, failureOf(c.variables, err)), c.out.Flush()) // an error could not be reported anywhere else
	}
	fmt.Fprintln(c.err, "fibermsal:", printable(explain(c.variables, err)))
	if errors.As(err, new(usageError)) {
		return statusUsage
	}
	return statusFound
}
