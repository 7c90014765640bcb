package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/fibermsal/fibermsal/internal/figure"
)

// verdict is what came of a row.
type verdict string

const (
	kept        verdict = "kept"
	missed      verdict = "missed"
	failing     verdict = "**failed**"
	partly      verdict = "partly measured"
	notMeasured verdict = "not measured"
)

// card is a row with what was measured for it.
type card struct {
	row
	tests       tally
	ours, naive []summary
	verdict     verdict
	missing     []string // limits that were missed
}

// tally counts tests and their cases.
type tally struct{ tests, passed, failed, skipped int }

func (t *tally) add(one test) {
	t.tests++
	t.passed += one.Passed
	t.failed += one.Failed
	t.skipped += one.Skipped
}

// String returns the tally as text.
func (t tally) String() string {
	text := fmt.Sprintf("%s, %d failed", count(t.passed, "case"), t.failed)
	if t.passed > 0 {
		text = fmt.Sprintf("%s passed, %d failed", count(t.passed, "case"), t.failed)
	}
	if t.skipped > 0 {
		text += fmt.Sprintf(", %d skipped", t.skipped)
	}
	return text
}

// marked returns the tally as text, in which a failure is seen at once.
func (t tally) marked() string {
	if t.failed > 0 {
		return string(failing) + ": " + t.String()
	}
	return t.String()
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return grouped(float64(n)) + " " + what + "s"
}

// cards judges all rows.
func (r *results) cards() (all []card) {
	for _, row := range rows {
		all = append(all, r.card(row))
	}
	return all
}

func (r *results) card(of row) card {
	c := card{row: of}
	for _, t := range r.Tests {
		if of.has(t.Package, t.Name) {
			c.tests.add(t)
		}
	}
	c.ours, c.naive = r.figuresOf(of.id, false), r.figuresOf(of.id, true)
	if c.tests.tests > 0 {
		c.ours = append(c.ours, summary{name: "its tests", values: []string{c.tests.String()}})
	}
	failed := c.tests.failed > 0
	switch of.id {
	case rowFuzz:
		c.ours, failed = r.fuzzing()
	case rowMutants:
		c.ours, failed = mutation(r.Mutants)
	case rowSupply:
		s := r.stage(stageSupply)
		failed = s != nil && len(s.Faults) > 0
	}
	c.missing = of.missing(c.ours)
	switch {
	case failed:
		c.verdict = failing
	case len(c.ours) == 0 || c.tests.tests > 0 && c.tests.passed == 0:
		c.verdict = notMeasured
	case len(c.missing) > 0:
		c.verdict = missed
	case !r.ranAll(of.tests):
		c.verdict = partly
	default:
		c.verdict = kept
	}
	return c
}

// ranAll reports whether tests of each selection passed.
func (r *results) ranAll(all []selection) bool {
	for _, s := range all {
		if !slices.ContainsFunc(r.Tests, func(t test) bool { return s.matches(t.Package, t.Name) && t.Passed > 0 }) {
			return false
		}
	}
	return true
}

const (
	rowFuzz    = "R18"
	rowMutants = "R24"
	rowSupply  = "R25"
)

// figuresOf returns the figures of a row, in the order of their tests.
func (r *results) figuresOf(row string, naive bool) []summary {
	var own []measured
	for _, f := range r.Figures {
		if f.Row == row && f.Naive == naive {
			own = append(own, f)
		}
	}
	return summaries(inOrder(own))
}

// inOrder sorts figures by their tests, because those run in any order.
func inOrder(figures []measured) []measured {
	slices.SortStableFunc(figures, func(a, b measured) int {
		return strings.Compare(a.Package+" "+a.Test, b.Package+" "+b.Test)
	})
	return figures
}

// missing returns the figures beyond the row's limits.
func (r row) missing(figures []summary) (names []string) {
	for _, l := range r.limits {
		limit, _ := amountOf(l.most)
		for _, s := range figures {
			if a, ok := s.most(); ok && strings.HasPrefix(s.name, l.name) && a.unit == limit.unit && a.number > limit.number {
				names = append(names, s.name)
			}
		}
	}
	return names
}

// fuzzing is what R18 shows.
func (r *results) fuzzing() (figures []summary, failed bool) {
	if len(r.Fuzzed) == 0 {
		return nil, false
	}
	executions, crashed, idle := 0, 0, 0
	least := r.Fuzzed[0]
	for _, f := range r.Fuzzed {
		executions += f.Executions
		if f.Failed {
			crashed++
		}
		if f.Executions == 0 {
			idle++
		}
		if f.Executions < least.Executions {
			least = f
		}
	}
	return []summary{
		{"targets that crash", []string{fmt.Sprintf("%d of %d", crashed, len(r.Fuzzed))}},
		{"targets without an execution beyond the kept inputs", []string{fmt.Sprintf("%d of %d", idle, len(r.Fuzzed))}},
		{"executions", []string{grouped(float64(executions))}},
		{"fewest, of " + least.Target, []string{grouped(float64(least.Executions))}},
	}, crashed > 0
}

// mutantsOf returns the mutants whose check is against a threat.
func (r *results) mutantsOf(id string) (own []figure.Mutant) {
	for _, m := range r.Mutants {
		if m.ID == id {
			own = append(own, m)
		}
	}
	return own
}

// mutation is what mutants show.
func mutation(all []figure.Mutant) (figures []summary, failed bool) {
	if len(all) == 0 {
		return nil, false
	}
	killed := 0
	var living []string
	for _, m := range all {
		if m.Killed {
			killed++
		} else {
			living = append(living, m.ID+": "+m.Check)
		}
	}
	figures = []summary{{"removed checks that a test notices", []string{fmt.Sprintf("%d of %d", killed, len(all))}}}
	if len(living) > 0 {
		figures = append(figures, summary{"not noticed", living})
	}
	return figures, len(living) > 0
}
