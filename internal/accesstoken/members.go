package accesstoken

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
)

var errNoObject = errors.New("accesstoken: not a JSON object with one member of each name")

// space is the white space of JSON.
const space = " \t\r\n"

// members calls visit for each member of a JSON object, with its value as JSON. An object with two
// members of one name is refused: parsers disagree about which of them counts (RFC 7519 section 4).
// Names and values are parts of the object, so nothing is copied.
func members(object string, visit func(name, value string)) error {
	rest := strings.Trim(object, space)
	if !json.Valid([]byte(rest)) || rest[0] != '{' {
		return errNoObject
	}
	var seen names
	for rest = strings.TrimLeft(rest[1:], space); rest[0] != '}'; {
		raw := rest[:valueLength(rest)]
		name := text(raw)
		if !seen.add(name) {
			return errNoObject
		}
		rest = strings.TrimLeft(rest[len(raw):], space)
		rest = strings.TrimLeft(rest[1:], space) // the colon
		value := rest[:valueLength(rest)]
		visit(name, value)
		rest = strings.TrimLeft(rest[len(value):], space)
		if rest[0] == ',' {
			rest = strings.TrimLeft(rest[1:], space)
		}
	}
	return nil
}

// names is a set. Tokens have about thirty claims, which are compared faster than hashed.
type names struct {
	few    [48]string
	number int
	more   map[string]bool
}

// add reports whether the name is new.
func (s *names) add(name string) bool {
	switch {
	case slices.Contains(s.few[:s.number], name) || s.more[name]:
		return false
	case s.number < len(s.few):
		s.few[s.number] = name
		s.number++
	case s.more == nil:
		s.more = map[string]bool{name: true}
	default:
		s.more[name] = true
	}
	return true
}

// valueLength returns the length of the value at the beginning of valid JSON.
func valueLength(text string) int {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			for i++; text[i] != '"'; i++ {
				if text[i] == '\\' {
					i++
				}
			}
		case '{', '[':
			depth++
			continue
		case '}', ']':
			if depth == 0 {
				return i // of what is around a number, true, false or null
			}
			depth--
		case ',', ':', ' ', '\t', '\r', '\n':
			if depth == 0 {
				return i
			}
			continue
		default:
			continue
		}
		if depth == 0 {
			return i + 1
		}
	}
	return len(text)
}
