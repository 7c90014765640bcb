package phrases

import (
	"slices"
	"strings"
)

// mostRanges is the maximum number of ranges that are read, because a client can send a header of any
// length.
const mostRanges = 32

// Preferred returns the language of the pages that an Accept-Language header prefers (RFC 9110 section
// 12.5.4, with the lookup of RFC 4647 section 3.4). It returns English if there is no header, if the
// header is "*", and if the pages have none of its languages. A malformed range is ignored.
func Preferred(header string) *Language {
	preferred, highest := English, 0
	for range mostRanges {
		var element string
		element, header, _ = strings.Cut(header, ",")
		name, weight := parseRange(element)
		if l := satisfying(name); l != nil && weight > highest {
			preferred, highest = l, weight
		}
		if header == "" {
			break
		}
	}
	return preferred
}

// parseRange returns a range in lower case and its weight in thousandths. The weight is 0 if the user
// does not accept the language, or if the range is malformed.
func parseRange(element string) (name string, weight int) {
	name, parameter, weighted := strings.Cut(element, ";")
	name = strings.ToLower(strings.Trim(name, whitespace))
	if !weighted {
		return name, 1000
	}
	key, value, _ := strings.Cut(strings.Trim(parameter, whitespace), "=")
	if strings.Trim(key, whitespace) != "q" && strings.Trim(key, whitespace) != "Q" {
		return name, 0
	}
	return name, parseWeight(strings.Trim(value, whitespace))
}

// whitespace is that of HTTP (RFC 9110 section 5.6.3).
const whitespace = " \t"

// parseWeight returns a weight of 0 to 1 with at most three decimals in thousandths (RFC 9110 section
// 12.4.2), or 0 for anything else.
func parseWeight(value string) int {
	whole, decimals, _ := strings.Cut(value, ".")
	if len(decimals) > 3 || whole != "0" && whole != "1" {
		return 0
	}
	weight := int(whole[0] - '0')
	for i := range 3 {
		weight *= 10
		if i >= len(decimals) {
			continue
		}
		if decimals[i] < '0' || decimals[i] > '9' {
			return 0
		}
		weight += int(decimals[i] - '0')
	}
	if weight > 1000 {
		return 0
	}
	return weight
}

// satisfying returns the language that satisfies a range in lower case, or nil.
func satisfying(name string) *Language {
	begins := func(prefix string) bool { return name == prefix || strings.HasPrefix(name, prefix+"-") }
	for _, l := range languages {
		if slices.ContainsFunc(l.ranges, begins) && !slices.ContainsFunc(l.except, begins) {
			return l
		}
	}
	return nil
}
