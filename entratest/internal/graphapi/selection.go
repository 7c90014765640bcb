package graphapi

import (
	"slices"
	"strings"
)

// readSelection reads the names of a $select in their registered spelling. entra: case does not matter. unknown
// is the first name that does not exist.
func readSelection(raw string, known []string) (names []string, unknown string) {
	for one := range strings.SplitSeq(raw, ",") {
		one = strings.TrimSpace(one)
		i := slices.IndexFunc(known, func(name string) bool { return strings.EqualFold(name, one) })
		if i < 0 {
			return nil, one
		}
		if !slices.Contains(names, known[i]) {
			names = append(names, known[i])
		}
	}
	return names, ""
}

// pick returns the properties of these names, in the order of the names.
func pick(all []property, names []string) []property {
	var out []property
	for _, name := range names {
		if i := slices.IndexFunc(all, func(p property) bool { return p.name == name }); i >= 0 {
			out = append(out, all[i])
		}
	}
	return out
}
