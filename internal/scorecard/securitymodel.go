package main

import (
	"regexp"
	"strings"
)

// threat is a line of the table of threats in docs/security-model.md.
type threat struct{ id, words string }

// promise is another statement of the document.
type promise struct {
	section, text string
	threats       []string // that the document names for it
}

var (
	threatRow = regexp.MustCompile(`^\| ([A-H][0-9]+) \| (.+) \| .+ \|$`)
	threatID  = regexp.MustCompile(`^[A-H][0-9]+$`)
)

// threatsOf returns the threats of the document, in its order.
func threatsOf(document string) (all []threat) {
	for line := range strings.Lines(document) {
		if m := threatRow.FindStringSubmatch(strings.TrimSpace(line)); m != nil {
			all = append(all, threat{m[1], m[2]})
		}
	}
	return all
}

// promisesOf returns what the document says beside the table of threats: its bullets, and the rows of its other
// tables.
func promisesOf(document string) (all []promise) {
	section, open := "", false // whether the line continues a bullet
	for line := range strings.Lines(document) {
		line = strings.TrimRight(line, "\n")
		switch heading, isHeading := strings.CutPrefix(line, "## "); {
		case isHeading:
			section, open = heading, false
		case strings.HasPrefix(line, "- "):
			all = append(all, promise{section: section, text: line[2:]})
			open = true
		case open && strings.HasPrefix(line, "  "):
			last := &all[len(all)-1]
			last.text += " " + strings.TrimSpace(line)
		case strings.HasPrefix(line, "| ") && !strings.HasPrefix(line, "| |") && section != threatSection:
			all = append(all, rowOf(section, line))
			open = false
		default:
			open = false
		}
	}
	return all
}

// threatSection is the part of the document that is the table of threats.
const threatSection = "Threats, by number"

// rowOf makes a promise of a table's row. The last cell may name threats.
func rowOf(section, line string) promise {
	cells := strings.Split(strings.Trim(line, "| "), " | ")
	p := promise{section: section, text: cells[0]}
	for _, id := range strings.Split(cells[len(cells)-1], ", ") {
		if threatID.MatchString(id) {
			p.threats = append(p.threats, id)
		}
	}
	return p
}
