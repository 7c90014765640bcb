package main

import (
	"errors"
	"strings"
	"unicode"

	"github.com/fibermsal/fibermsal/entra"
	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/session"
)

// explain returns the text of an error for an operator: codes, causes and what to do, but not the
// sentence for users. prefix is the prefix of the environment variables.
func explain(prefix string, err error) string {
	if left := (notRevokedError{}); errors.As(err, &left) && !errors.As(err, new(interruptedError)) {
		return "users may still be signed in: " + explain(prefix, left.error)
	}
	if errors.As(err, new(interruptedError)) {
		return "interrupted" + toGoOn(err)
	}
	if unfinished := new(unfinishedError); errors.As(err, &unfinished) {
		return explain(prefix, unfinished.error) + toGoOn(err)
	}
	if joined, isJoined := err.(interface{ Unwrap() []error }); isJoined {
		var texts []string
		for _, each := range joined.Unwrap() {
			texts = append(texts, explain(prefix, each))
		}
		return strings.Join(texts, "; ")
	}
	e, ok := autherr.Find(err)
	if !ok {
		return err.Error()
	}
	text := autherr.ForOperators(e)
	if hint := hintFor(prefix, e.Reason); hint != "" {
		text += "; " + hint
	}
	return text
}

// toGoOn returns what remains of unfinished work, and the command with which to continue.
func toGoOn(err error) string {
	unfinished := new(unfinishedError)
	if !errors.As(err, &unfinished) {
		return ""
	}
	return "; " + unfinished.remains + ". To continue: " + unfinished.again
}

// hintFor returns which environment variables to check for an error, or "".
func hintFor(prefix, reason string) string {
	prefix = strings.TrimSuffix(prefix, "_") + "_"
	switch reason {
	case autherr.ReasonStorage:
		return "check that Redis is running and that " + prefix + "REDIS_URL is correct, with fibermsal doctor"
	case session.ReasonWrongKeys, session.ReasonMissingKeys:
		return "see " + prefix + "KEYS or " + prefix + "KEYS_FILE"
	case session.ReasonOtherClient:
		return "see " + prefix + "CLIENT_ID, and the database in " + prefix + "REDIS_URL"
	case session.ReasonOtherOrigin:
		return "see " + prefix + "PUBLIC_URL, " + prefix + "BASE_PATH and " + prefix + "ROUTE_PREFIX"
	case session.ReasonNoTrace:
		return "see " + prefix + "REDIS_URL or " + prefix + "STORAGE_FILE"
	}
	return ""
}

// failure is an error as JSON.
type failure struct {
	Code    string `json:"code,omitempty"`
	Reason  string `json:"reason,omitempty"`
	Message string `json:"message"`
	Again   string `json:"again,omitempty"` // the command with which to continue
}

func failureOf(prefix string, err error) map[string]failure {
	f := failure{Message: explain(prefix, err)}
	if e, ok := autherr.Find(err); ok {
		f.Code, f.Reason = e.Code, e.Reason
	}
	if errors.As(err, new(interruptedError)) {
		f.Code, f.Reason = "interrupted", ""
	}
	if unfinished := new(unfinishedError); errors.As(err, &unfinished) {
		f.Again = unfinished.again
	}
	return map[string]failure{"error": f}
}

// environmentError lists the problems of a Config from the environment, one per line, with the names of
// the variables.
func environmentError(err error) error {
	lines := []string{"invalid environment:"}
	for _, problem := range unjoin(err) {
		var wrong *entra.ConfigError
		switch {
		case !errors.As(problem, &wrong):
			lines = append(lines, strings.TrimPrefix(problem.Error(), "fibermsal: "))
		default: // the Config is from the environment, so the text names the variable
			lines = append(lines, wrong.Problem)
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

// printable replaces characters that could control a terminal, because the text may contain data of
// other users.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, text)
}

// cell returns the printable text on a single line.
func cell(text string) string { return strings.ReplaceAll(printable(text), "\n", " ") }
