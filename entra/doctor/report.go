package doctor

import (
	"fmt"
	"slices"
	"strings"
)

// Report is the list of a diagnosis's findings, in the order in which a sign-in depends on them. In
// JSON it is an array of findings.
type Report []Finding

// OK reports whether there are neither errors nor warnings.
func (r Report) OK() bool { return r.Worst() == SeverityOK }

// Worst returns the severity of the worst finding, or [SeverityOK] if there are no findings.
func (r Report) Worst() Severity {
	worst := SeverityOK
	for _, f := range r {
		if f.Severity.worseThan(worst) {
			worst = f.Severity
		}
	}
	return worst
}

// String returns all findings as text, each on its own lines.
func (r Report) String() string {
	var text strings.Builder
	for _, f := range r {
		fmt.Fprintln(&text, f)
	}
	return text.String()
}

// withoutDuplicates keeps the worst finding of each code, because several checks may find the same
// problem.
func withoutDuplicates(findings []Finding) (each []Finding) {
	for _, f := range findings {
		i := slices.IndexFunc(each, func(e Finding) bool { return e.Code == f.Code })
		switch {
		case i < 0:
			each = append(each, f)
		case f.Severity.worseThan(each[i].Severity):
			each[i] = f
		}
	}
	return each
}
