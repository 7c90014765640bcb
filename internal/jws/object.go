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

// encoding is that of the parts of a JWS. It is strict, because otherwise one token could be written in
// several ways. Each would have another hash, and the token would be cached and exchanged once for each
// hash.
var encoding = base64.RawURLEncoding.Strict()

// DecodeObject decodes a part of a JWS.
func DecodeObject(part []byte) (Object, error) { return encoding.AppendDecode(nil, part) }

// Members calls visit for each member, with its value as JSON. The value shares the memory of the text.
// Members returns an error if the text is not an object, although visit may have been called before, or
// if two members have the same name, because parsers disagree about which of them to use (RFC 7519
// section 4).
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

// Text returns the string that a JSON value is, or "" if it is not a string.
func Text(value []byte) string {
	s, _ := rawjson.Text(value)
	return s
}
