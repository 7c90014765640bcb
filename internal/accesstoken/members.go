package accesstoken

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"unicode/utf8"
)

var errNoObject = errors.New("accesstoken: not a JSON object with one member of each name")

// space is the white space of JSON.
const space = " \t\r\n"

// object is the text of a valid JSON object.
type object string

// parse returns the object that is in some bytes, which it copies.
func parse(text []byte) (object, error) {
	text = bytes.Trim(text, space)
	if !json.Valid(text) || text[0] != '{' {
		return "", errNoObject
	}
	return object(text), nil
}

// decodeObject decodes a part of a JWS that is an object.
func decodeObject(part []byte) (object, error) {
	text, err := base64.RawURLEncoding.AppendDecode(nil, part)
	if err != nil {
		return "", err
	}
	return parse(text)
}

// members calls visit for each member, with its value as JSON. An object with two members of one name is
// refused: parsers disagree about which of them counts (RFC 7519 section 4). Names and values are parts of
// the object, so nothing is copied.
func (o object) members(visit func(name, value string)) error {
	var seen names
	for rest := skipSpace(string(o[1:])); rest[0] != '}'; {
		raw := rest[:valueLength(rest)]
		name := text(raw)
		if !seen.add(name) {
			return errNoObject
		}
		rest = skipSpace(rest[len(raw):])
		rest = skipSpace(rest[1:]) // the colon
		value := rest[:valueLength(rest)]
		visit(name, value)
		rest = skipSpace(rest[len(value):])
		if rest[0] == ',' {
			rest = skipSpace(rest[1:])
		}
	}
	return nil
}

// skipSpace returns the rest of valid JSON, which does not end with white space. Most tokens have none.
func skipSpace(rest string) string {
	if rest[0] > ' ' {
		return rest
	}
	return strings.TrimLeft(rest, space)
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

// text returns the text that JSON is, or nothing.
func text(value string) (s string) {
	if isPlain(value) {
		return value[1 : len(value)-1]
	}
	_ = json.Unmarshal([]byte(value), &s)
	return s
}

// isPlain reports whether JSON is a text that stands for itself.
func isPlain(value string) bool {
	return isText(value) && strings.IndexByte(value, '\\') < 0 && utf8.ValidString(value)
}

func isText(value string) bool { return len(value) > 1 && value[0] == '"' }
