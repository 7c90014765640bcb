package main

import (
	"errors"
	"regexp"
	"strings"
	"unicode"

	"github.com/fibermsal/fibermsal"
)

// explain is an error for an operator: the codes and the cause instead of the sentence for
// users, where there is a cause.
func explain(err error) string {
	var e *fibermsal.Error
	if !errors.As(err, &e) {
		return err.Error()
	}
	said := []string{e.Error()}
	if e.Err != nil {
		said[0] = e.Code
	}
	if e.Reason != "" {
		said = append(said, e.Reason)
	}
	if e.Err != nil {
		said = append(said, e.Err.Error())
	}
	return strings.Join(said, ": ")
}

// environmentError says what is wrong with a Config, line by line, in the names of the
// environment.
func environmentError(prefix string, err error) error {
	prefix = strings.TrimSuffix(prefix, "_") + "_"
	lines := []string{"the environment is not right:"}
	for _, mistake := range apart(err) {
		var wrong *fibermsal.ConfigError
		switch {
		case !errors.As(mistake, &wrong):
			lines = append(lines, mistake.Error())
		case strings.HasPrefix(wrong.Problem, prefix):
			lines = append(lines, wrong.Problem)
		default:
			lines = append(lines, prefix+variableOf(wrong.Field)+" "+wrong.Problem)
		}
	}
	return errors.New(strings.Join(lines, "\n  "))
}

// apart takes a joined error to pieces.
func apart(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	return []error{err}
}

var wordBegins = regexp.MustCompile(`([a-z])([A-Z])`)

// variableOf is where a field of Config comes from.
func variableOf(field string) string {
	switch field {
	case "Storage":
		return "REDIS_URL"
	case "Credential":
		return "CERTIFICATE_FILE, or what else proves the app's identity,"
	case "HTTPClient":
		return "CA_FILE"
	}
	return strings.ToUpper(wordBegins.ReplaceAllString(field, "${1}_$2"))
}

// printable is a text that others wrote without what a terminal would obey.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, text)
}

// cell is printable in one line.
func cell(text string) string { return strings.ReplaceAll(printable(text), "\n", " ") }
