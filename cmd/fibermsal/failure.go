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

// errFound means that problems were found, which have been printed.
var errFound = errors.New("found")

// errNoTerminal means that a command needs a confirmation and there is no terminal.
var errNoTerminal = errors.New("confirmation requires a terminal; use -yes to run without it")

// errDeclined means that the operator did not confirm a command.
var errDeclined = errors.New("nothing was done")

// unfinishedError is the failure or interruption of work that can be continued.
type unfinishedError struct {
	error
	remains, again string
}

// Unwrap returns the reason.
func (e *unfinishedError) Unwrap() error { return e.error }

// interruptedError means that a signal has ended a command.
type interruptedError struct{ error }

// Unwrap returns the error of the command.
func (e interruptedError) Unwrap() error { return e.error }

// isMissingKeys reports whether the error means that some of the app's keys are missing here. Sessions
// with other keys are found.
func isMissingKeys(err error) bool { return autherr.ReasonOf(err) == session.ReasonMissingKeys }

// notRevokedError means that sessions may not have ended, which the message must make clear.
type notRevokedError struct{ error }

// Unwrap returns the reason.
func (e notRevokedError) Unwrap() error { return e.error }
