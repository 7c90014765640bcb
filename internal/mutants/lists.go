package main

import (
	"regexp"
	"slices"
)

// mutants returns all mutants, by the letters of their threats.
func mutants() []mutant {
	return slices.Concat(responses, identities, callers, browsers, sessions, storages, logs, renewals)
}

// selectMutants returns the mutants whose ID or check matches a pattern.
func selectMutants(pattern *regexp.Regexp) []mutant {
	return slices.DeleteFunc(mutants(), func(m mutant) bool {
		return !pattern.MatchString(m.id) && !pattern.MatchString(m.check)
	})
}
