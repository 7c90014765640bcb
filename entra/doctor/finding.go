package doctor

import (
	"fmt"
	"slices"
)

// Severity is how bad a [Finding] is.
type Severity string

const (
	// SeverityOK is the severity of a check that found no problem.
	SeverityOK Severity = "ok"
	// SeverityWarning is a problem that does not break signing in yet, or a check that could
	// not run.
	SeverityWarning Severity = "warning"
	// SeverityError is a problem that prevents users from signing in, or signs them out.
	SeverityError Severity = "error"
)

// worseThan reports whether a severity is worse than another.
func (s Severity) worseThan(other Severity) bool { return s.rank() > other.rank() }

func (s Severity) rank() int {
	return slices.Index([]Severity{SeverityOK, SeverityWarning, SeverityError}, s)
}

// Finding is the result of one check. Its texts are for people and may change; none contains a
// credential.
type Finding struct {
	// Severity is how bad it is.
	Severity Severity `json:"severity"`
	// Code is a stable value for programs, such as "clock_skew". A code that ends in "_unchecked" is a
	// warning that the check could not run.
	Code string `json:"code"`
	// What is what was found.
	What string `json:"what"`
	// Why is why it matters; empty if there is no problem.
	Why string `json:"why,omitempty"`
	// Fix is what to do; empty if there is no problem.
	Fix string `json:"fix,omitempty"`
}

// String returns the finding in one to three lines.
func (f Finding) String() string {
	text := fmt.Sprintf("%-7s  %s: %s", f.Severity, f.Code, f.What)
	if f.Why != "" {
		text += "\n         why: " + f.Why
	}
	if f.Fix != "" {
		text += "\n         fix: " + f.Fix
	}
	return text
}

// ok returns the finding of a check that found no problem.
func ok(code, what string) Finding { return Finding{Severity: SeverityOK, Code: code, What: what} }

// uncheckedSuffix is the end of the codes of checks that could not run.
const uncheckedSuffix = "_unchecked"

// unchecked returns the finding of a check that could not run, and why.
func unchecked(code, subject, reason string) Finding {
	return Finding{
		Severity: SeverityWarning, Code: code + uncheckedSuffix,
		What: subject + " was not checked: " + reason,
		Why:  "a problem there would not have been found",
		Fix:  "remove what kept it from being checked, and run this again",
	}
}
