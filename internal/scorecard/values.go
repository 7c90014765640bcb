package main

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// amount is a value that can be compared with others of its unit.
type amount struct {
	number float64
	unit   string // "", "s", "B" or "%"
}

var (
	share = regexp.MustCompile(`^([\d,]+) of ([\d,]+)`)
	plain = regexp.MustCompile(`^([\d,]*\.?\d+) ?(kB|MB|GB|%)?(?:$|[,;( ])`)
	sizes = map[string]float64{"kB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30}
)

// amountOf reads a value: a share such as "3 of 10", which are 30 %, a duration, or a number and maybe a unit. What
// follows a comma explains it.
func amountOf(value string) (a amount, ok bool) {
	if m := share.FindStringSubmatch(value); m != nil {
		part, whole := number(m[1]), number(m[2])
		if whole == 0 {
			return amount{}, false
		}
		return amount{100 * part / whole, "%"}, true
	}
	first, _, _ := strings.Cut(value, ", ")
	if d, err := time.ParseDuration(strings.ReplaceAll(first, " ", "")); err == nil && strings.ContainsAny(first, "smhµu") {
		return amount{d.Seconds(), "s"}, true
	}
	m := plain.FindStringSubmatch(value)
	if m == nil {
		return amount{}, false
	}
	if m[2] == "%" {
		return amount{number(m[1]), "%"}, true
	}
	if factor, ok := sizes[m[2]]; ok {
		return amount{number(m[1]) * factor, "B"}, true
	}
	return amount{number(m[1]), ""}, true
}

func number(text string) float64 {
	n, _ := strconv.ParseFloat(strings.ReplaceAll(text, ",", ""), 64) // of digits
	return n
}

// summary is the values of one figure, of which subtests report one each.
type summary struct {
	name   string
	values []string
}

// summaries groups figures by their names, in the order in which they come.
func summaries(figures []measured) (all []summary) {
	for _, f := range figures {
		i := slices.IndexFunc(all, func(s summary) bool { return s.name == f.Name })
		if i < 0 {
			all, i = append(all, summary{name: f.Name}), len(all)
		}
		all[i].values = append(all[i].values, f.Value)
	}
	return all
}

// String returns the values as one: a sum of shares, a value that all have, from the least to the most, or some of
// them.
func (s summary) String() string {
	distinct := slices.Clone(s.values)
	slices.Sort(distinct)
	distinct = slices.Compact(distinct)
	if whole := s.shares(); whole != "" {
		return whole
	}
	if len(distinct) == 1 {
		return distinct[0] + s.times()
	}
	least, most, ok := s.spread()
	if ok {
		return least + " to " + most + s.times()
	}
	return strings.Join(distinct[:min(3, len(distinct))], "; ") + s.times()
}

func (s summary) times() string {
	if len(s.values) < 2 {
		return ""
	}
	return fmt.Sprintf(" (%d cases)", len(s.values))
}

// shares adds values such as "0 of 20", if all are such.
func (s summary) shares() string {
	var part, whole float64
	for _, value := range s.values {
		m := share.FindStringSubmatch(value)
		if m == nil || m[0] != value {
			return ""
		}
		part, whole = part+number(m[1]), whole+number(m[2])
	}
	return fmt.Sprintf("%s of %s%s", grouped(part), grouped(whole), s.times())
}

// spread returns the least and the greatest value, if all have one unit.
func (s summary) spread() (least, most string, ok bool) {
	sorted := slices.Clone(s.values)
	var unit string
	for i, value := range sorted {
		a, known := amountOf(value)
		if !known || i > 0 && a.unit != unit {
			return "", "", false
		}
		unit = a.unit
	}
	slices.SortStableFunc(sorted, func(x, y string) int {
		a, _ := amountOf(x)
		b, _ := amountOf(y)
		switch {
		case a.number < b.number:
			return -1
		case a.number > b.number:
			return 1
		}
		return 0
	})
	return sorted[0], sorted[len(sorted)-1], true
}

// most returns the greatest amount, if all values have one unit.
func (s summary) most() (a amount, ok bool) {
	_, most, ok := s.spread()
	if !ok {
		return amount{}, false
	}
	return amountOf(most)
}

// grouped returns a whole number with commas.
func grouped(n float64) string {
	digits := strconv.FormatFloat(n, 'f', 0, 64)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
