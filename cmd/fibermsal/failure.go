package main

import (
	"errors"

	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/session"
)

// usageError is a mistake in the command line or the environment.
type usageError struct{ error }

// Unwrap returns the reason.
func (e usageError) Unwrap() error { return e.error }

// errFound means that there is something to do, which has been printed.
var errFound = errors.New("found")

// errNoTerminal refuses a command that needs a confirmation.
var errNoTerminal = errors.New("there is no terminal to ask at; with -yes nobody is asked")

// errDeclined means that an operator did not confirm a command.
var errDeclined = errors.New("nothing was done")

// unfinishedError is the failure or interruption of work that can be continued.
type unfinishedError struct {
	error
	remains, again string
}

// Unwrap returns the reason.
func (e *unfinishedError) Unwrap() error { return e.error }

// interruptedError is the end of a command by a signal.
type interruptedError struct{ error }

// Unwrap returns what the signal has ended.
func (e interruptedError) Unwrap() error { return e.error }

// isMissingKeys reports whether some of the app's keys are not here. All other sessions are seen.
func isMissingKeys(err error) bool { return autherr.ReasonOf(err) == session.ReasonMissingKeys }

// notRevokedError is a failure to end sessions. Whoever ends them must not believe that it is done.
type notRevokedError struct{ error }

// Unwrap returns the reason.
func (e notRevokedError) Unwrap() error { return e.error }
