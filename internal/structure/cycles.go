package structure

import (
	"cmp"
	"slices"
)

// cycles finds the strongly connected components of more than one file, the largest
// first.
func cycles(files []File) [][]string {
	reached := map[string]map[string]bool{}
	uses := map[string][]string{}
	for _, file := range files {
		uses[file.Name] = file.Uses
	}
	for _, file := range files {
		reached[file.Name] = reachable(file.Name, uses)
	}
	var list [][]string
	seen := map[string]bool{}
	for _, file := range files {
		if seen[file.Name] || !reached[file.Name][file.Name] {
			continue
		}
		var cycle []string
		for _, other := range files {
			if reached[file.Name][other.Name] && reached[other.Name][file.Name] {
				cycle = append(cycle, other.Name)
				seen[other.Name] = true
			}
		}
		list = append(list, cycle)
	}
	slices.SortStableFunc(list, func(a, b []string) int { return cmp.Compare(len(b), len(a)) })
	return list
}

// reachable returns the files that a file depends on, directly or not. It is among
// them if it is part of a cycle.
func reachable(from string, uses map[string][]string) map[string]bool {
	reached := map[string]bool{}
	waiting := []string{from}
	for len(waiting) > 0 {
		last := len(waiting) - 1
		file := waiting[last]
		waiting = waiting[:last]
		for _, next := range uses[file] {
			if !reached[next] {
				reached[next] = true
				waiting = append(waiting, next)
			}
		}
	}
	return reached
}
