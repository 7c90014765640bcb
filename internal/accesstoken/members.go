package accesstoken

import (
	"bytes"
	"encoding/json"
	"errors"
)

var errNoObject = errors.New("accesstoken: not a JSON object with one member of each name")

// members calls visit for each member of a JSON object, with its value as JSON. An object with two
// members of one name is refused: parsers disagree about which of them counts (RFC 7519 section 4).
func members(object []byte, visit func(name string, value []byte)) error {
	if !json.Valid(object) {
		return errNoObject
	}
	rest := bytes.TrimSpace(object)
	if rest[0] != '{' {
		return errNoObject
	}
	seen := make(map[string]bool, 32)
	for rest = bytes.TrimSpace(rest[1:]); rest[0] != '}'; {
		raw := rest[:valueLength(rest)]
		name := text(raw)
		if seen[name] {
			return errNoObject
		}
		seen[name] = true
		rest = bytes.TrimSpace(rest[len(raw):])
		rest = bytes.TrimSpace(rest[1:]) // the colon
		value := rest[:valueLength(rest)]
		visit(name, value)
		rest = bytes.TrimSpace(rest[len(value):])
		if rest[0] == ',' {
			rest = bytes.TrimSpace(rest[1:])
		}
	}
	return nil
}

// valueLength returns the length of the value at the beginning of valid JSON.
func valueLength(text []byte) int {
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
