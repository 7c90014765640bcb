package main

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
)

// mutant is a change that removes or weakens one check.
type mutant struct {
	id    string // the threat, in docs/security-model.md
	check string // what the code ensures without the change
	file  string // from the root of the module
	// from is a text that the file contains once, and to is what replaces it.
	from, to string
	// pkg is the directory of the tests that must fail, and run matches the beginnings of their names.
	pkg, run string
}

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

// apply returns the content of the file with the change.
func (m *mutant) apply(content []byte) ([]byte, error) {
	if n := bytes.Count(content, []byte(m.from)); n != 1 {
		return nil, fmt.Errorf("%s, %s: %s contains %q %d times instead of once", m.id, m.check, m.file, m.from, n)
	}
	return bytes.Replace(content, []byte(m.from), []byte(m.to), 1), nil
}
