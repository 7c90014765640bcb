package main

import "errors"

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
