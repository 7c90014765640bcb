package supply

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Allowed lists the licences that let an app contain a module without publishing the app's sources.
// MPL-2.0 requires only changes to the module's own files to be published.
var Allowed = []string{"Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "MPL-2.0"}

// AllowedInTests lists the licences that are also allowed for modules that only tests and benchmarks
// need, because these are not distributed.
var AllowedInTests = []string{"CC-BY-4.0", "FTL"}

// Unknown is the identifier for a licence file that matches no pattern.
const Unknown = "unknown"

// licences lists sentences by which each licence is recognized. The text is compared with its white
// space reduced to single spaces.
var licences = []struct {
	id       string
	sentence *regexp.Regexp
}{
	{"AGPL-3.0", regexp.MustCompile(`GNU AFFERO GENERAL PUBLIC LICENSE`)},
	{"GPL", regexp.MustCompile(`GNU GENERAL PUBLIC LICENSE`)},
	{"LGPL", regexp.MustCompile(`GNU LESSER GENERAL PUBLIC LICENSE`)},
	{"Apache-2.0", regexp.MustCompile(`(?i)Apache License,? Version 2\.0`)},
	{"MPL-2.0", regexp.MustCompile(`(?i)Mozilla Public License,? version 2\.0`)},
	{"MIT", regexp.MustCompile(`Permission is hereby granted, free of charge, to any person obtaining a copy`)},
	{"CC-BY-4.0", regexp.MustCompile(`Creative Commons Attribution 4\.0 International`)},
	{"FTL", regexp.MustCompile(`your choice of .{0,50}two licenses: \* The FreeType License`)},
	{"ISC", regexp.MustCompile(`Permission to use, copy, modify, and(?:/or)? distribute this software for any purpose`)},
	{"BSD-3-Clause", regexp.MustCompile(`Redistributions? .{0,700}Neither the names? of|Redistributions? .{0,700}may not be used to endorse`)},
	{"BSD-2-Clause", regexp.MustCompile(`Redistribution and use in source and binary forms`)},
}

var fileName = regexp.MustCompile(`(?i)^(licen[cs]e|copying|unlicense)([.\-_].*)?$`)

// Licences returns the SPDX identifiers of the licence files in a package's directory and its parents,
// up to the directory of its module. It returns an error if there are none.
func Licences(moduleDir, packageDir string) ([]string, error) {
	var found []string
	for dir := packageDir; ; dir = filepath.Dir(dir) {
		ids, err := licencesIn(dir)
		if err != nil {
			return nil, err
		}
		found = append(found, ids...)
		if dir == moduleDir || len(dir) <= len(moduleDir) {
			break
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("%s has no licence", moduleDir)
	}
	slices.Sort(found)
	return slices.Compact(found), nil
}

func licencesIn(dir string) (found []string, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		if entry.IsDir() || !fileName.MatchString(entry.Name()) || strings.HasSuffix(entry.Name(), ".go") {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, entry.Name())) //nolint:gosec // of the module cache
		if err != nil {
			return nil, err
		}
		found = append(found, identify(string(text))...)
	}
	return found, nil
}

// identify returns the licences that a text contains.
func identify(text string) (found []string) {
	text = strings.Join(strings.Fields(text), " ")
	for _, l := range licences {
		threeClauses := l.id == "BSD-2-Clause" && slices.Contains(found, "BSD-3-Clause")
		if !threeClauses && l.sentence.MatchString(text) {
			found = append(found, l.id)
		}
	}
	if found == nil {
		return []string{Unknown}
	}
	return found
}

// Refused returns the licences of a module that are neither in [Allowed] nor in others.
func (m *Module) Refused(others ...string) (ids []string) {
	for _, id := range m.Licences {
		if !slices.Contains(Allowed, id) && !slices.Contains(others, id) {
			ids = append(ids, id)
		}
	}
	return ids
}
