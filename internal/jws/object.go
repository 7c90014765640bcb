// Package jws reads compact signed tokens (RFC 7515 section 3.1) in the one shape that Entra issues, without
// verifying them.
package jws

import (
	"bytes"
	"encoding/base64"
	"errors"

	"github.com/fibermsal/fibermsal/internal/rawjson"
)

var errNoObject = errors.New("jws: not a JSON object with one member of each name")

// Object is the text of a JSON object.
type Object []byte

// encoding is that of the parts of a JWS. It is strict: a token that has several texts has several hashes, by
// each of which it would be remembered and exchanged.
var encoding = base64.RawURLEncoding.Strict()

// DecodeObject decodes a part of a JWS.
func DecodeObject(part []byte) (Object, error) { return encoding.AppendDecode(nil, part) }

// Members calls visit for each member, with its value as JSON, whose bytes are those of the text. It returns an error if the text is no
// object, for which visit may have been called, or one with two members of one name: parsers disagree
// about which of them counts (RFC 7519 section 4).
func (o Object) Members(visit func(name, value []byte)) error {
	var seen names
	distinct := true
	isObject := rawjson.Object(o, func(name, value []byte) {
		distinct = distinct && seen.add(name)
		visit(name, value)
	})
	if !isObject || !distinct {
		return errNoObject
	}
	return nil
}

// names is a set. Tokens have about thirty claims, which are compared faster than hashed.
type names struct {
	few    [48][]byte
	number int
	more   map[string]bool
}

// add reports whether the name is new.
func (s *names) add(name []byte) bool {
	for _, other := range s.few[:s.number] {
		if bytes.Equal(other, name) {
			return false
		}
	}
	switch {
	case s.more[string(name)]:
		return false
	case s.number < len(s.few):
		s.few[s.number] = name
		s.number++
	case s.more == nil:
		s.more = map[string]bool{string(name): true}
	default:
		s.more[string(name)] = true
	}
	return true
}

// Text returns the text that JSON is, or nothing.
func Text(value []byte) string {
	s, _ := rawjson.Text(value)
	return s
}
