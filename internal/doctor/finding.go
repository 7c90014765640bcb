// Package doctor looks at what a sign-in depends on: Entra's answers, the clock, and a
// Redis server. It says what it finds in words that an operator can act on, and never
// with a credential in them.
package doctor

import "slices"

// Severity is how bad a finding is.
type Severity string

// The severities.
const (
	OK      Severity = "ok"
	Warning Severity = "warning"
	Error   Severity = "error"
)

// worse reports whether s is worse than another.
func (s Severity) worse(than Severity) bool { return s.rank() > than.rank() }

func (s Severity) rank() int { return slices.Index([]Severity{OK, Warning, Error}, s) }

// Finding is one thing that was looked at.
type Finding struct {
	Severity Severity
	// Code is stable, and one for each kind of finding.
	Code string
	// What is found, Why it matters, and how it is mended. What is fine has no Why
	// and no Fix.
	What, Why, Fix string
}

func fine(code, what string) Finding { return Finding{Severity: OK, Code: code, What: what} }

// Once tells of each thing that several checks met once: the worst of it.
func Once(found []Finding) (each []Finding) {
	for _, f := range found {
		i := slices.IndexFunc(each, func(e Finding) bool { return e.Code == f.Code })
		switch {
		case i < 0:
			each = append(each, f)
		case f.Severity.worse(each[i].Severity):
			each[i] = f
		}
	}
	return each
}
