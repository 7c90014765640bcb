package main

import (
	"errors"
	"strings"
	"unicode"

	"github.com/fibermsal/fibermsal/entra"
)

// explain returns the text of an error for an operator: if there is a cause, the code and the
// cause in place of the sentence for users.
func explain(err error) string {
	var e *entra.Error
	if !errors.As(err, &e) {
		return err.Error()
	}
	parts := []string{e.Error()}
	if e.Err != nil {
		parts[0] = e.Code
	}
	if e.Reason != "" {
		parts = append(parts, e.Reason)
	}
	if e.Err != nil {
		parts = append(parts, e.Err.Error())
	}
	return strings.Join(parts, ": ")
}

// environmentError describes the problems of a Config from the environment, one a line, by the
// names of variables.
func environmentError(prefix string, err error) error {
	prefix = strings.TrimSuffix(prefix, "_") + "_"
	lines := []string{"invalid environment:"}
	for _, problem := range unjoin(err) {
		var wrong *entra.ConfigError
		switch {
		case !errors.As(problem, &wrong):
			lines = append(lines, problem.Error())
		case strings.HasPrefix(wrong.Problem, prefix): // from ConfigFromEnv
			lines = append(lines, wrong.Problem)
		default:
			lines = append(lines, variablesOf(prefix, wrong.Field)+" "+wrong.Problem)
		}
	}
	return errors.New(strings.Join(lines, "\n  "))
}

// unjoin returns the errors that were joined.
func unjoin(err error) []error {
	if joined, isJoined := err.(interface{ Unwrap() []error }); isJoined {
		return joined.Unwrap()
	}
	return []error{err}
}

// variablesOf names the variables that set a field of Config.
func variablesOf(prefix, field string) string {
	names := entra.EnvVariables(field)
	if len(names) == 0 {
		return "Config." + field
	}
	for i := range names {
		names[i] = prefix + names[i]
	}
	last := len(names) - 1
	if last == 0 {
		return names[0]
	}
	return strings.Join(names[:last], ", ") + " or " + names[last]
}

// printable replaces characters that could control a terminal, because others wrote the text.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, text)
}

// cell returns a printable text in one line.
func cell(text string) string { return strings.ReplaceAll(printable(text), "\n", " ") }
